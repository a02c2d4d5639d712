"""Traits that a list sent before and no longer declares: the next call clears them.

A contact may still have such a trait if the customer was last sent while it was declared. This
module alone writes the table `activation.list_traits`.

>>> declare(connection, target)  # doctest: +SKIP
"""

import psycopg
from psycopg import sql

from rapport.activation.lists import List

_ELSEWHERE = """
    exists (
        select from activation.ledger as other
        inner join segments.membership as elsewhere
            on elsewhere.segment = other.segment and elsewhere.customer_id = other.customer_id
            and elsewhere.left_at is null
        where other.destination = ledger.destination and other.segment <> ledger.segment
            and other.customer_id = ledger.customer_id and other.state <> 'removing'
            and elsewhere.traits ? given.name
    )
"""
_NOTHING = "select null::text where false"
_FORMER = """
    select given.name from activation.list_traits as given
    where given.destination = ledger.destination and given.segment = ledger.segment
        and given.name <> all({declared})
        and ledger.last_sent_at <= given.last_declared_as_of
        and not {elsewhere}
"""
_GIVEN = """
    select given.name from (
        select jsonb_object_keys(stay.traits) from (
            select traits from segments.membership as membership
            where membership.segment = ledger.segment
                and membership.customer_id = ledger.customer_id
            order by entered_at desc limit 1
        ) as stay
        union
        select name from activation.list_traits as former
        where former.destination = ledger.destination and former.segment = ledger.segment
            and ledger.last_sent_at <= former.last_declared_as_of
    ) as given (name)
    where not {elsewhere}
"""


def former(connection: psycopg.Connection, target: List) -> sql.Composable:
    """A lateral query over `ledger`: the names that a customer has and the list no longer declares.

    Names that another list of the destination gives the same customer are left out.
    """
    declared = list(target.segment.trait_names)
    row = connection.execute(
        "select exists (select from activation.list_traits where destination = %s"
        " and segment = %s and name <> all(%s))",
        (target.destination, target.segment.key, declared),
    ).fetchone()
    if not row or not row[0]:
        return sql.SQL(_NOTHING)
    return sql.SQL(_FORMER).format(declared=declared, elsewhere=sql.SQL(_ELSEWHERE))


def given() -> sql.Composed:
    """A lateral query over `ledger`: all names that the list gave to a customer.

    Names that another list of the destination gives the same customer are left out.
    """
    return sql.SQL(_GIVEN).format(elsewhere=sql.SQL(_ELSEWHERE))


def declare(connection: psycopg.Connection, target: List) -> None:
    """Record the names that the list sends in this run."""
    connection.execute(
        "insert into activation.list_traits select %s, %s, name, %s from unnest(%s::text[])"
        " as declared (name) on conflict (destination, segment, name)"
        " do update set last_declared_as_of = excluded.last_declared_as_of",
        (
            target.destination,
            target.segment.key,
            target.as_of,
            list(target.segment.trait_names),
        ),
    )

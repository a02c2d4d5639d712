"""The traits that a list sent once and declares no more: cleared with the next call of a person.

A person's contact may still hold such a trait if they were sent last while it was declared.
"""

from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment

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


def former(connection: psycopg.Connection, segment: Segment, destination: str) -> sql.Composable:
    """A lateral query: the names that the person of a `ledger` row has and that are declared no
    more, less what another list of the destination still gives them.
    """
    declared = list(segment.trait_names)
    row = connection.execute(
        "select exists (select from activation.list_traits where destination = %s"
        " and segment = %s and name <> all(%s))",
        (destination, segment.key, declared),
    ).fetchone()
    if not row or not row[0]:
        return sql.SQL(_NOTHING)
    return sql.SQL(_FORMER).format(declared=declared, elsewhere=sql.SQL(_ELSEWHERE))


def given() -> sql.Composed:
    """A lateral query: all names that the list gave to the person of a `ledger` row, less what
    another list of the destination still gives them.
    """
    return sql.SQL(_GIVEN).format(elsewhere=sql.SQL(_ELSEWHERE))


def declare(
    connection: psycopg.Connection, segment: Segment, destination: str, as_of: datetime
) -> None:
    """Note the names that the list sends tonight."""
    connection.execute(
        "insert into activation.list_traits select %s, %s, name, %s from unnest(%s::text[])"
        " as declared (name) on conflict (destination, segment, name)"
        " do update set last_declared_as_of = excluded.last_declared_as_of",
        (destination, segment.key, as_of, list(segment.trait_names)),
    )

"""Priority: a customer gets one campaign per channel and run, that of the segment with priority.

>>> reserved = make_table(connection)  # doctest: +SKIP
>>> reserve(connection, reserved, segment, ["postbox"], later=["winback"])  # doctest: +SKIP
"""

from collections.abc import Collection

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment

_RESERVE = """
insert into {reserved}
select distinct %(channel)s, member.customer_id
from segments.membership as member
join segments.membership as other
    on other.customer_id = member.customer_id and other.left_at is null
    and other.segment = any(%(later)s)
where member.segment = %(segment)s and member.left_at is null
    and exists (
        select from unnest(%(destinations)s::text[]) as target (destination)
        where not exists (
            select from activation.not_sent
            where not_sent.destination = target.destination
                and not_sent.segment = %(segment)s
                and not_sent.customer_id = member.customer_id
        )
    )
on conflict do nothing
"""


def make_table(connection: psycopg.Connection) -> sql.Identifier:
    """Make the temporary table of reserved customers, empty, and return its name.

    The table lasts for the planning of all lists of one run. A row says that a segment planned
    before sends to the customer, so that segments of lower priority do not:

    - `channel`: the channel of the campaign
    - `customer_id`
    """
    with connection.transaction():
        connection.execute(
            "create temp table if not exists reserved"
            ' (channel text, customer_id text collate "C", primary key (channel, customer_id))'
        )
        connection.execute("truncate reserved")
    return sql.Identifier("reserved")


def reserve(
    connection: psycopg.Connection,
    reserved: sql.Identifier,
    segment: Segment,
    destinations: list[str],
    *,
    later: Collection[str],
) -> None:
    """Reserve the customers whom a campaign reaches at one of its destinations at least.

    Only customers of the segments `later`, which have lower priority, are of interest.
    """
    if not segment.is_campaign or not later:
        return
    with connection.transaction():
        connection.execute(
            sql.SQL(_RESERVE).format(reserved=reserved),
            {
                "channel": segment.channel,
                "segment": segment.key,
                "later": list(later),
                "destinations": destinations,
            },
        )


def is_in_use(connection: psycopg.Connection, reserved: sql.Identifier, channel: str) -> bool:
    """Whether any customer is reserved for the channel."""
    row = connection.execute(
        sql.SQL("select true from {} where channel = {} limit 1").format(reserved, channel)
    ).fetchone()
    return row is not None

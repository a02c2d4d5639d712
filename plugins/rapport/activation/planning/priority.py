"""One person, one campaign a channel a day: who was taken by a segment of higher priority.

The temporary table `claims` lasts for one planning of all lists.
"""

import psycopg

from rapport.activation.segments.declarations import Segment


def forget(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute(
            "create temp table if not exists claims"
            ' (channel text, customer_id text collate "C", primary key (channel, customer_id))'
        )
        connection.execute("truncate claims")


def claim(
    connection: psycopg.Connection, segment: Segment, destinations: list[str], order: list[str]
) -> None:
    """Note whom this campaign takes, as far as segments of lower priority have them too."""
    later = order[order.index(segment.key) + 1 :]
    if not segment.is_campaign or not later:
        return
    with connection.transaction():
        connection.execute(
            """
            insert into claims
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
            """,
            {
                "channel": segment.channel,
                "segment": segment.key,
                "later": later,
                "destinations": destinations,
            },
        )

"""The cap on messages: how many reach a person by a channel in so many days, whatever made them.

What is a message depends on the destination's `messages_on`: an entry, or every change as well. A
destination that sends nothing itself, like a file, counts as one message for its segment and run
where no other destination of the segment counted. The plan and the statement that takes a batch
ask the same; a removal is never capped.
"""

from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation_options import ActivationOptions
from rapport.connectors import destination_names, messages_on

_CAPPED = """
select customer_id from (
    select customer_id, segment, at, greatest(1, count(*) filter (where speaks)) as messages
    from (
        select people.customer_id, receipt.segment, receipt.sent_at as at,
            not receipt.destination = any({silent}) as speaks
        from {people} as people
        inner join activation.receipts as receipt on receipt.customer_id = people.customer_id
        where {counts}
        union all
        select people.customer_id, receipt.segment, receipt.sent_at,
            not receipt.destination = any({silent})
        from {people} as people
        inner join identity.aliases as alias
            on alias.customer_id = people.customer_id and alias.alias_id <> alias.customer_id
        inner join activation.receipts as receipt on receipt.customer_id = alias.alias_id
        where {counts}
        {planned}
    ) as message
    where not (segment = {segment} and at = {as_of} and ({is_silent} or not speaks))
    group by customer_id, segment, at
) as by_segment
group by customer_id
having sum(messages) >= {most}
"""
_PLANNED = """
        union all
        select people.customer_id, plan.segment, plan.as_of,
            not plan.destination = any({silent})
        from {people} as people
        cross join unnest({destinations}::text[], {segments}::text[])
            as other (destination, segment)
        inner join activation.plan
            on plan.destination = other.destination and plan.segment = other.segment
            and plan.customer_id = people.customer_id
        where plan.as_of = {as_of}
            and (plan.op = 'add' or plan.op = 'update' and plan.destination = any({on_change}))
"""


def is_capped(segment: Segment, options: ActivationOptions) -> bool:
    """Whether the list asks: campaigns do where their channel has a cap, service never does."""
    return segment.is_campaign and segment.channel in options.caps


def operations(destination: str) -> list[str]:
    """The operations that are messages at this destination."""
    return ["add", "update"] if messages_on(destination) == "change" else ["add"]


def capped(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    people: str,
) -> sql.Composed:
    """A query for the customers of the relation `people` who got as many messages as they may."""
    cap = options.caps[segment.channel]
    silent = [name for name in destination_names() if messages_on(name) == "nothing"]
    on_change = [name for name in destination_names() if messages_on(name) == "change"]
    counts = sql.SQL(
        "(receipt.op = 'add' or receipt.op = 'update' and receipt.destination = any({on_change}))"
        " and receipt.channel = {channel} and receipt.purpose <> 'service'"
        " and receipt.sent_at > {since} and receipt.sent_at <= {as_of}"
    ).format(
        on_change=sql.Literal(on_change),
        channel=segment.channel,
        since=as_of - timedelta(days=cap.days),
        as_of=as_of,
    )
    others = _others(connection, segment, destination, run_id)
    planned: sql.Composable = sql.SQL("")
    if others:
        planned = sql.SQL(_PLANNED).format(
            people=sql.Identifier(people),
            silent=sql.Literal(silent),
            on_change=sql.Literal(on_change),
            destinations=sql.Literal([name for name, _ in others]),
            segments=sql.Literal([key for _, key in others]),
            as_of=as_of,
        )
    return sql.SQL(_CAPPED).format(
        people=sql.Identifier(people),
        silent=sql.Literal(silent),
        counts=counts,
        planned=planned,
        is_silent=destination in silent,
        segment=segment.key,
        as_of=as_of,
        most=cap.messages,
    )


def _others(
    connection: psycopg.Connection, segment: Segment, destination: str, run_id: str
) -> list[tuple[str, str]]:
    """The other lists of the run whose messages go by the same channel."""
    return connection.execute(
        """
        select run.destination, run.segment from activation.sync_runs as run
        inner join segments.definitions as declared on declared.key = run.segment
        where run.run_id = %(run_id)s and run.num_planned_add + run.num_planned_change > 0
            and (run.destination, run.segment) <> (%(destination)s, %(segment)s)
            and declared.definition ->> 'channel' = %(channel)s
            and declared.definition ->> 'purpose' <> 'service'
        """,
        {
            "run_id": run_id,
            "destination": destination,
            "segment": segment.key,
            "channel": segment.channel,
        },
    ).fetchall()

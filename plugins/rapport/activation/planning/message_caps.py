"""The cap on messages: how many a customer gets by one channel within some days, from all lists.

The destination's `messages_on` says what counts as a message: an entry to the list, or every
change as well. A destination that sends nothing itself, like a file, counts as one message for its
segment and run, unless another destination of the segment counted. The plan and the statement that
takes a batch check the same cap. A removal is never capped.

>>> is_capped(target)  # doctest: +SKIP
True
"""

from datetime import timedelta

import psycopg
from psycopg import sql

from rapport.activation.lists import List
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
) as per_segment
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


def is_capped(target: List) -> bool:
    """Whether the list has a cap: a campaign has that of its channel, a service list has none."""
    return target.segment.is_campaign and target.segment.channel in target.options.caps


def operations(destination: str) -> list[str]:
    """The operations that are messages at this destination."""
    return ["add", "update"] if messages_on(destination) == "change" else ["add"]


def capped(connection: psycopg.Connection, target: List, people: str) -> sql.Composed:
    """A query for the customers of the relation `people` who already got the most messages."""
    segment, as_of = target.segment, target.as_of
    cap = target.options.caps[segment.channel]
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
    others = _others(connection, target)
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
        is_silent=target.destination in silent,
        segment=segment.key,
        as_of=as_of,
        most=cap.messages,
    )


def _others(connection: psycopg.Connection, target: List) -> list[tuple[str, str]]:
    """The other lists of the run that send by the same channel: destination and segment."""
    return connection.execute(
        """
        select run.destination, run.segment from activation.sync_runs as run
        inner join segments.definitions as declared on declared.key = run.segment
        where run.run_id = %(run_id)s and run.num_planned_add + run.num_planned_change > 0
            and (run.destination, run.segment) <> (%(destination)s, %(segment)s)
            and declared.definition ->> 'channel' = %(channel)s
            and declared.definition ->> 'purpose' <> 'service'
        """,
        {"channel": target.segment.channel, **target.names},
    ).fetchall()

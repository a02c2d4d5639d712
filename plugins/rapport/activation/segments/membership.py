"""Who is in which segment, and since when: the table `segments.membership`, written here only.

A row is a stay: a customer enters a segment once, leaves it once, and may enter it again.

>>> end(connection, "old_segment", as_of)  # doctest: +SKIP
"""

from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments.merged_customers import follow_merges

_LEAVE = """
update segments.membership as member set left_at = {as_of}
from {changes} as changes
where kind = 'left' and segment = {segment} and left_at is null
    and member.customer_id = changes.customer_id
"""
_CHANGE = """
update segments.membership as member set traits = changes.traits, changed_at = {as_of}
from {changes} as changes
where kind = 'changed' and segment = {segment} and left_at is null
    and member.customer_id = changes.customer_id
"""
# The same run once more: who entered and left in it is a member again.
_ENTER = """
insert into segments.membership
    (segment, customer_id, entered_at, arm, variant, stratum, traits, changed_at)
select {segment}, customer_id, {as_of}, assignment, variant, stratum, traits, {as_of}
from ({assigned}) as newcomer
order by customer_id
on conflict (segment, customer_id, entered_at)
do update set left_at = null, traits = excluded.traits
"""
_REACH_GOALS = """
update segments.membership as member set goal_at = reached.at
from ({reached}) as reached
where member.segment = {segment} and member.customer_id = reached.customer_id
    and member.entered_at = reached.entered_at
"""


def apply_changes(
    connection: psycopg.Connection,
    segment: str,
    as_of: datetime,
    *,
    changes: sql.Identifier,
    assigned: sql.Composed,
) -> tuple[int, int]:
    """End, update and begin stays; how many customers entered and left.

    `changes` is the table of `membership_changes`, `assigned` the query of `assignment`.
    """
    names = {"segment": segment, "as_of": as_of, "changes": changes}
    left = connection.execute(sql.SQL(_LEAVE).format(**names)).rowcount
    connection.execute(sql.SQL(_CHANGE).format(**names))
    entered = connection.execute(
        sql.SQL(_ENTER).format(segment=segment, as_of=as_of, assigned=assigned)
    ).rowcount
    return entered, left


def analyze(connection: psycopg.Connection) -> None:
    """Bring the statistics for Postgres's planner up to date, once all segments are evaluated."""
    connection.execute("analyze segments.membership")


def reach_goals(connection: psycopg.Connection, segment: str, reached: sql.Composed) -> None:
    """Record when goals were reached; `reached` gives customer_id, entered_at and `at`."""
    connection.execute(sql.SQL(_REACH_GOALS).format(segment=segment, reached=reached))


def end(connection: psycopg.Connection, segment: str, as_of: datetime) -> None:
    """End every stay in a segment that has no file any more."""
    connection.execute(
        "update segments.membership set left_at = %s where segment = %s and left_at is null",
        (as_of, segment),
    )


def rename_merged(connection: psycopg.Connection, segment: str) -> None:
    """Move the stays of merged customers to the surviving id, unless it has a stay as well."""
    follow_merges(
        connection,
        sql.Identifier("segments", "membership"),
        key=("segment", "entered_at"),
        one_per=("segment",),
        only=sql.SQL("merged.segment = {} and merged.left_at is null").format(segment),
        blocked_by=sql.SQL("(survivor.left_at is null or survivor.entered_at = merged.entered_at)"),
    )

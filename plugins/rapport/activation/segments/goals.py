"""The goal of a play: when each of its members first reached it.

Goals are recorded for treated and held-out members alike, so that `mart_play_lift_daily` can
compare them. This module alone writes the table `segments.goals`.

>>> note_reached(connection, segment, as_of)  # doctest: +SKIP
"""

from datetime import datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rapport.activation.segments import membership
from rapport.activation.segments.declarations import Goal, Segment
from rapport.errors import ConfigError

LATE = timedelta(days=7)

_REACHED = """
    select stay.customer_id, stay.entered_at, min(goal.{at}) as at
    from segments.membership as stay
    left join identity.aliases as alias on alias.alias_id = stay.customer_id
    inner join marts.{mart} as goal
        on goal.customer_id = coalesce(alias.customer_id, stay.customer_id)
    where stay.segment = {segment} and stay.goal_at is null
        and stay.entered_at >= {since}
        and goal.{at} > stay.entered_at and goal.{at} <= {as_of}
        and goal.{at} <= stay.entered_at + {within}
        {conditions}
    group by stay.customer_id, stay.entered_at
"""


def note_reached(connection: psycopg.Connection, segment: Segment, as_of: datetime) -> None:
    """Record for each stay when its goal was reached; rows that arrive a week late count."""
    goal = segment.goal
    if goal is None:
        connection.execute("delete from segments.goals where segment = %s", (segment.key,))
        return
    _check(connection, segment.key, goal)
    connection.execute(
        "insert into segments.goals values (%s, %s) on conflict (segment)"
        " do update set goal = excluded.goal where segments.goals.goal <> excluded.goal",
        (segment.key, Jsonb(goal.model_dump())),
    )
    within = timedelta(days=goal.within_days)
    conditions = [
        sql.SQL("and goal.{} = {}").format(sql.Identifier(column), value)
        for column, value in goal.where.items()
    ]
    reached = sql.SQL(_REACHED).format(
        at=sql.Identifier(goal.at),
        mart=sql.Identifier(goal.mart),
        segment=segment.key,
        since=as_of - within - LATE,
        as_of=as_of,
        within=within,
        conditions=sql.SQL(" ").join(conditions),
    )
    membership.reach_goals(connection, segment.key, reached)


def _check(connection: psycopg.Connection, segment: str, goal: Goal) -> None:
    rows = connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'marts' and table_name = %s",
        (goal.mart,),
    )
    there = {row[0] for row in rows}
    missing = sorted({"customer_id", goal.at, *goal.where} - there)
    if missing:
        raise ConfigError(
            f"the goal of {segment}: marts.{goal.mart} has no column {', '.join(missing)}. "
            "Name a published mart with a customer_id and the columns of the goal."
        )

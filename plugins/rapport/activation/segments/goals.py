"""Whether a play worked: when each person of it first did what it is for.

It is noted for treated and held-out people alike, so that `mart_play_lift_daily` can compare them.
"""

from datetime import datetime, timedelta

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rapport.activation.segments.declarations import Goal, Segment
from rapport.errors import ConfigError

LATE = timedelta(days=7)

_STAMP = """
update segments.membership as member set goal_at = reached.at
from (
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
) as reached
where member.segment = {segment} and member.customer_id = reached.customer_id
    and member.entered_at = reached.entered_at
"""


def stamp(connection: psycopg.Connection, segment: Segment, as_of: datetime) -> None:
    """Note for each stay when its goal was reached; what arrives a week late still counts."""
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
    connection.execute(
        sql.SQL(_STAMP).format(
            at=sql.Identifier(goal.at),
            mart=sql.Identifier(goal.mart),
            segment=segment.key,
            since=as_of - within - LATE,
            as_of=as_of,
            within=within,
            conditions=sql.SQL(" ").join(conditions),
        )
    )


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
            f"the goal of {segment}: marts.{goal.mart} has no {', '.join(missing)}. "
            "Name a published mart with a customer_id and the columns of the goal."
        )

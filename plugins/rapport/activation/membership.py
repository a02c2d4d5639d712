"""Who is in which segment, with when they entered and left.

One segment that cannot be evaluated is frozen: its members stay those of its last good night.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.options import ActivationOptions
from rapport.activation.segments import Segment
from rapport.errors import ConfigError, RapportError

log = logging.getLogger(__name__)

BUILD = "segments_build"
_TYPES = {
    "boolean": "boolean",
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "float",
    "real": "float",
    "double precision": "float",
    "date": "date",
    "timestamp with time zone": "datetime",
}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The counts of one segment; `frozen_because` is null where it was evaluated."""

    members: int
    entered: int = 0
    left: int = 0
    frozen_because: str | None = None


def column_types(connection: psycopg.Connection, segment: Segment) -> dict[str, str]:
    """The columns of the built model with the type that a destination gets to know."""
    rows = connection.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_schema = %s and table_name = %s",
        (BUILD, segment.model),
    )
    return {name: _TYPES.get(kind, "string") for name, kind in rows}


def evaluate_segment(
    connection: psycopg.Connection,
    segment: Segment,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    frozen_because: str | None = None,
) -> Evaluation:
    """Bring `segments.membership` to what the built model says, in one transaction."""
    if frozen_because is None:
        try:
            with connection.transaction():
                _register(connection, segment, as_of)
                entered, left = _merge(connection, segment, options, as_of)
                return _note(connection, segment, run_id, as_of, entered, left, None)
        except (psycopg.Error, RapportError) as error:
            reason = str(error) if isinstance(error, RapportError) else _without_values(error)
            frozen_because = f"cannot be evaluated: {reason}"
    log.warning("segment %s frozen: %s", segment.key, frozen_because)
    with connection.transaction():
        return _note(connection, segment, run_id, as_of, 0, 0, frozen_because)


def _register(connection: psycopg.Connection, segment: Segment, as_of: datetime) -> None:
    row = connection.execute(
        "insert into segments.keys values (%s, %s, %s) on conflict (key) do update"
        " set key = excluded.key returning model",
        (segment.key, segment.model, as_of),
    ).fetchone()
    if row and row[0] != segment.model:
        raise ConfigError(
            f'the key "{segment.key}" was used before by {row[0]}. Choose another one: people and '
            "tools still know the old list by it."
        )


def _merge(
    connection: psycopg.Connection, segment: Segment, options: ActivationOptions, as_of: datetime
) -> tuple[int, int]:
    types = column_types(connection, segment)
    if not types:
        raise ConfigError(f"{BUILD}.{segment.model} is not there: dbt did not build it.")
    missing = sorted({"customer_id", *segment.traits} - types.keys())
    if missing:
        raise ConfigError(
            f"{BUILD}.{segment.model} has no column {', '.join(missing)}. "
            "Add it to the model's select, or take it out of traits."
        )
    connection.execute("drop table if exists pg_temp.tonight")
    connection.execute(
        sql.SQL(
            "create temp table tonight on commit drop as"
            ' select customer_id collate "C" as customer_id, {traits} as traits from {model}'
        ).format(traits=_traits(segment.traits, types), model=sql.Identifier(BUILD, segment.model))
    )
    try:
        connection.execute("alter table tonight add primary key (customer_id)")
    except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
        raise ConfigError(
            f"{segment.model} has the same customer twice, or one without an id. "
            "A segment has one row per customer."
        ) from None
    connection.execute("analyze tonight")
    names = {
        "segment": segment.key,
        "as_of": as_of,
        "salt": options.salt,
        "holdout": segment.holdout_share,
        "control": options.control_share if segment.purpose == "marketing" else 0.0,
    }
    left = connection.execute(
        """
        update segments.membership as member set left_at = %(as_of)s
        where segment = %(segment)s and left_at is null
            and not exists (select from tonight where tonight.customer_id = member.customer_id)
        """,
        names,
    ).rowcount
    connection.execute(
        """
        update segments.membership as member
        set traits = tonight.traits, changed_at = %(as_of)s
        from tonight
        where segment = %(segment)s and left_at is null
            and tonight.customer_id = member.customer_id and tonight.traits <> member.traits
        """,
        names,
    )
    # Two statements: one that reads the table it fills meets its own new rows again and again.
    connection.execute("drop table if exists pg_temp.newcomers")
    connection.execute(
        """
        create temp table newcomers on commit drop as
        select customer_id, traits from tonight
        where not exists (
            select from segments.membership as member
            where segment = %(segment)s and left_at is null
                and member.customer_id = tonight.customer_id
        )
        """,
        names,
    )
    entered = connection.execute(
        """
        insert into segments.membership
            (segment, customer_id, entered_at, arm, traits, changed_at)
        select
            %(segment)s, customer_id, %(as_of)s,
            case
                when %(control)s > 0 and segments.draw(%(salt)s, 'control', customer_id)
                    < %(control)s then 'control'
                when %(holdout)s > 0 and segments.draw(%(salt)s, %(segment)s, customer_id)
                    < %(holdout)s then 'holdout'
                else 'treated'
            end,
            traits, %(as_of)s
        from newcomers
        on conflict (segment, customer_id, entered_at)
        do update set left_at = null, traits = excluded.traits
        """,
        names,
    ).rowcount
    if entered or left:
        connection.execute("analyze segments.membership")
    return entered, left


def _traits(traits: Mapping[str, str], types: Mapping[str, str]) -> sql.Composable:
    """A JSON object of the traits; times are ISO 8601 in UTC whatever the session's zone."""
    parts: list[sql.Composable] = []
    for column, name in sorted(traits.items()):
        value: sql.Composable = sql.Identifier(column)
        if types[column] == "datetime":
            value = sql.SQL(
                "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            ).format(value)
        parts.append(sql.SQL("{}, {}").format(sql.Literal(name), value))
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(parts))


def _note(
    connection: psycopg.Connection,
    segment: Segment,
    run_id: str,
    as_of: datetime,
    entered: int,
    left: int,
    frozen_because: str | None,
) -> Evaluation:
    row = connection.execute(
        """
        with size as (
            select count(*) as members from segments.membership
            where segment = %(segment)s and left_at is null
        )
        insert into segments.sizes
        select %(segment)s, %(as_of)s, %(run_id)s, members, %(entered)s, %(left)s, %(frozen)s
        from size
        on conflict (segment, as_of) do update set
            run_id = excluded.run_id, members = excluded.members,
            entered = segments.sizes.entered + excluded.entered,
            left_tonight = segments.sizes.left_tonight + excluded.left_tonight,
            frozen_because = excluded.frozen_because
        returning members
        """,
        {
            "segment": segment.key,
            "as_of": as_of,
            "run_id": run_id,
            "entered": entered,
            "left": left,
            "frozen": frozen_because,
        },
    ).fetchone()
    assert row is not None
    return Evaluation(row[0], entered, left, frozen_because)


def _without_values(error: psycopg.Error) -> str:
    """The server's message, which for data errors may quote a value, is cut to its class."""
    return f"{type(error).__name__}; see the model"

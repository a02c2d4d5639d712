"""Who is in which segment, with when they entered and left.

One segment that cannot be evaluated is frozen: its members stay those of its last good night.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments import assignment, goals
from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.reading import Reader
from rapport.activation_options import ActivationOptions
from rapport.errors import ConfigError, RapportError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The counts of one segment; `frozen_because` is null where it was evaluated."""

    members: int
    entered: int = 0
    left: int = 0
    frozen_because: str | None = None


def column_types(connection: psycopg.Connection, segment: Segment) -> dict[str, str]:
    """The columns of the last good evaluation with the kind that a destination gets to know."""
    rows = connection.execute(
        "select column_name, kind from segments.columns where segment = %s", (segment.key,)
    )
    return dict(rows.fetchall())


def evaluate_segment(
    connection: psycopg.Connection,
    segment: Segment,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    reader: Reader,
    frozen_because: str | None = None,
) -> Evaluation:
    """Bring `segments.membership` to what the segment's SQL gives, in one transaction."""
    if frozen_because is None:
        try:
            with connection.transaction():
                _register(connection, segment, as_of)
                entered, left = _merge(connection, reader, segment, options, as_of)
                return _note(connection, segment, run_id, as_of, entered, left, None)
        except (psycopg.Error, RapportError, ValueError) as error:
            reason = str(error) if isinstance(error, RapportError) else _without_values(error)
            frozen_because = f"cannot be evaluated: {reason}"
    log.warning("segment %s frozen: %s", segment.key, frozen_because)
    with connection.transaction():
        # Whoever was merged into somebody else stays a member as that one.
        follow_merges(connection, segment.key)
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
    connection: psycopg.Connection,
    reader: Reader,
    segment: Segment,
    options: ActivationOptions,
    as_of: datetime,
) -> tuple[int, int]:
    connection.execute("set local work_mem = '128MB'")
    _read_model(connection, reader, segment)
    follow_merges(connection, segment.key)
    goals.stamp(connection, segment, as_of)
    _compare(connection, segment, as_of)
    names = {"segment": segment.key, "as_of": as_of}
    left = connection.execute(
        """
        update segments.membership as member set left_at = %(as_of)s
        from changes
        where kind = 'left' and segment = %(segment)s and left_at is null
            and member.customer_id = changes.customer_id
        """,
        names,
    ).rowcount
    connection.execute(
        """
        update segments.membership as member
        set traits = changes.traits, changed_at = %(as_of)s
        from changes
        where kind = 'changed' and segment = %(segment)s and left_at is null
            and member.customer_id = changes.customer_id
        """,
        names,
    )
    entered = assignment.enter(connection, segment, options, as_of)
    if entered or left:
        connection.execute("analyze segments.membership")
    return entered, left


def _read_model(connection: psycopg.Connection, reader: Reader, segment: Segment) -> None:
    """The temporary table `tonight`: whom the segment has, with traits and stratum."""
    types = reader.columns(segment)
    missing = sorted({"customer_id", *segment.traits, *segment.strata} - types.keys())
    if missing:
        raise ConfigError(
            f"{segment.model}.sql gives no column {', '.join(missing)}. "
            "Add it to the select, or take it out of traits and strata."
        )
    connection.execute("drop table if exists pg_temp.tonight")
    connection.execute(
        'create temp table tonight (customer_id text collate "C", traits jsonb, stratum text)'
        " on commit drop"
    )
    selected = sql.SQL("customer_id::text, {}, {}").format(
        _traits(segment.traits, types), assignment.stratum(segment)
    )
    reader.copy(segment, selected, connection, "tonight")
    _keep_columns(connection, segment, types)
    try:
        connection.execute("alter table tonight add primary key (customer_id)")
    except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
        raise ConfigError(
            f"{segment.model} has the same customer twice, or one without an id. "
            "A segment has one row per customer."
        ) from None
    connection.execute("analyze tonight")


def _keep_columns(
    connection: psycopg.Connection, segment: Segment, types: Mapping[str, str]
) -> None:
    """Remember the columns, for tools that want to know the kind of a trait."""
    connection.execute("delete from segments.columns where segment = %s", (segment.key,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into segments.columns values (%s, %s, %s)",
            [(segment.key, *column) for column in types.items()],
        )


def follow_merges(connection: psycopg.Connection, segment: str) -> None:
    """A stay goes on under the id that its customer has now, unless that one has a stay too."""
    connection.execute(
        """
        update segments.membership as old set customer_id = renamed.customer_id
        from (
            select distinct on (alias.customer_id)
                stay.customer_id as old_id, stay.entered_at, alias.customer_id
            from segments.membership as stay
            inner join identity.aliases as alias
                on alias.alias_id = stay.customer_id and alias.customer_id <> alias.alias_id
            where stay.segment = %(segment)s and stay.left_at is null
                and not exists (
                    select from segments.membership as survivor
                    where survivor.segment = %(segment)s
                        and survivor.customer_id = alias.customer_id
                        and (survivor.left_at is null or survivor.entered_at = stay.entered_at)
                )
            order by alias.customer_id, stay.entered_at, stay.customer_id
        ) as renamed
        where old.segment = %(segment)s and old.customer_id = renamed.old_id
            and old.entered_at = renamed.entered_at
        """,
        {"segment": segment},
    )


def _compare(connection: psycopg.Connection, segment: Segment, as_of: datetime) -> None:
    """The temporary table `changes`: who enters, who leaves, whose traits are others now."""
    connection.execute("drop table if exists pg_temp.changes")
    own: list[sql.Composable] = []
    is_in_series: sql.Composable = sql.SQL("false")
    if segment.steps:
        days = sql.SQL("({}::date - coalesce(member.entered_at, {})::date)").format(as_of, as_of)
        own.append(
            sql.SQL("|| jsonb_build_object({}, width_bucket({}, {}::integer[]))").format(
                segment.step_trait, days, list(segment.steps)
            )
        )
        is_in_series = sql.SQL("member.goal_at is null and {} <= {}").format(
            days, segment.steps[-1]
        )
    if segment.variants:
        own.append(
            sql.SQL(
                "|| case when member.variant is null then '{{}}'"
                " else jsonb_build_object({}, member.variant) end"
            ).format(segment.variant_trait)
        )
    connection.execute(
        sql.SQL(_COMPARE).format(
            segment=segment.key, is_in_series=is_in_series, own=sql.SQL(" ").join(own)
        )
    )
    connection.execute("analyze changes")


_COMPARE = """
create temp table changes on commit drop as
with member as (
    select customer_id, entered_at, traits, variant, goal_at from segments.membership
    where segment = {segment} and left_at is null
),
compared as (
    select
        coalesce(tonight.customer_id, member.customer_id) as customer_id,
        case
            when member.customer_id is null then 'entered'
            when tonight.customer_id is not null or {is_in_series} then 'changed'
            else 'left'
        end as kind,
        coalesce(tonight.traits, member.traits) {own} as traits,
        member.traits as last_traits,
        tonight.stratum
    from tonight full join member on member.customer_id = tonight.customer_id
)
select customer_id, kind, traits, stratum
from compared
where kind <> 'changed' or traits <> last_traits
"""


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


def _without_values(error: Exception) -> str:
    """The server's message, which for data errors may quote a value, is cut to its class."""
    return f"{type(error).__name__}; see the model"

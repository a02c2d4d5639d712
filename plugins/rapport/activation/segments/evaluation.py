"""Evaluating a segment: run its SQL and bring `segments.membership` to what it gives.

A segment that cannot be evaluated is frozen: its members stay those of its last good run.

>>> evaluate_segment(connection, segment, options, run_id, as_of, reader)  # doctest: +SKIP
Evaluation(members=31, entered=2, left=4, frozen_because=None)
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.segments import assignment, definitions, goals, membership, sizes
from rapport.activation.segments.columns import keep_columns
from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.membership_changes import find_changes
from rapport.activation.segments.reading import Reader
from rapport.activation_options import ActivationOptions
from rapport.errors import ConfigError, RapportError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The counts of one segment; `frozen_because` is None where it was evaluated."""

    members: int
    entered: int = 0
    left: int = 0
    frozen_because: str | None = None


def evaluate_segment(
    connection: psycopg.Connection,
    segment: Segment,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    reader: Reader,
    frozen_because: str | None = None,
) -> Evaluation:
    """Bring `segments.membership` to what the segment's SQL gives, in one transaction.

    With `frozen_because`, the SQL is not run and the members stay.
    """
    if frozen_because is None:
        try:
            with connection.transaction():
                definitions.register(connection, segment, as_of)
                entered, left = _evaluate(connection, reader, segment, options, as_of)
                members = sizes.note(
                    connection, segment.key, run_id, as_of, entered=entered, left=left
                )
                return Evaluation(members, entered, left)
        except (psycopg.Error, RapportError, ValueError) as error:
            reason = str(error) if isinstance(error, RapportError) else _without_values(error)
            frozen_because = f"cannot be evaluated: {reason}"
    log.warning("segment %s frozen: %s", segment.key, frozen_because)
    with connection.transaction():
        # A merged customer stays a member under the surviving id.
        membership.rename_merged(connection, segment.key)
        members = sizes.note(connection, segment.key, run_id, as_of, frozen_because=frozen_because)
        return Evaluation(members, frozen_because=frozen_because)


def _evaluate(
    connection: psycopg.Connection,
    reader: Reader,
    segment: Segment,
    options: ActivationOptions,
    as_of: datetime,
) -> tuple[int, int]:
    """How many customers entered and left."""
    connection.execute("set local work_mem = '128MB'")
    found = _read_model(connection, reader, segment)
    membership.rename_merged(connection, segment.key)
    goals.note_reached(connection, segment, as_of)
    changes = find_changes(connection, segment, as_of, found)
    assigned = assignment.assigned(segment, options, changes)
    return membership.apply_changes(
        connection, segment.key, as_of, changes=changes, assigned=assigned
    )


def _read_model(connection: psycopg.Connection, reader: Reader, segment: Segment) -> sql.Identifier:
    """Copy what the SQL gives into a temporary table: customer_id, traits and stratum."""
    types = reader.columns(segment)
    missing = sorted({"customer_id", *segment.traits, *segment.strata} - types.keys())
    if missing:
        raise ConfigError(
            f"{segment.model}.sql gives no column {', '.join(missing)}. "
            "Add it to the select, or take it out of traits and strata."
        )
    connection.execute("drop table if exists pg_temp.found")
    connection.execute(
        'create temp table found (customer_id text collate "C", traits jsonb, stratum text)'
        " on commit drop"
    )
    selected = sql.SQL("customer_id::text, {}, {}").format(
        _traits(segment.traits, types), assignment.stratum(segment)
    )
    reader.copy(segment, selected, connection, "found")
    keep_columns(connection, segment, types)
    try:
        connection.execute("alter table found add primary key (customer_id)")
    except (psycopg.errors.UniqueViolation, psycopg.errors.NotNullViolation):
        raise ConfigError(
            f"{segment.model} has the same customer twice, or one without an id. "
            "A segment has one row per customer."
        ) from None
    connection.execute("analyze found")
    return sql.Identifier("found")


def _traits(traits: Mapping[str, str], types: Mapping[str, str]) -> sql.Composable:
    """A JSON object of the traits; times are ISO 8601 in UTC, whatever the session's zone."""
    parts: list[sql.Composable] = []
    for column, name in sorted(traits.items()):
        value: sql.Composable = sql.Identifier(column)
        if types[column] == "datetime":
            value = sql.SQL(
                "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            ).format(value)
        parts.append(sql.SQL("{}, {}").format(sql.Literal(name), value))
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(parts))


def _without_values(error: Exception) -> str:
    """The class of the error: the server's message may quote a value of the data."""
    return f"{type(error).__name__}; see the model"

"""The definition that each list follows: the file, else the last version that could be read.

A segment whose file cannot be read keeps its last good version; a segment whose file was deleted is
retired. This module alone writes the tables `segments.definitions` and `segments.keys`.

>>> known = recall(connection, load())  # doctest: +SKIP
>>> known.unreadable  # doctest: +SKIP
{'open_ticket': 'models/segments/seg_open_ticket.yml:12: suppresses.0: ...'}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from rapport.activation.segments.declarations import Definitions, Segment
from rapport.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Known:
    """Segments by key in order of priority, unreadable ones in their last good version.

    `unreadable` has the problem of each unreadable file by key. `former` has the last version of
    every segment that ever existed. `blind` names the unreadable files that may suppress other
    lists and never had a good version.
    """

    segments: Mapping[str, Segment]
    unreadable: Mapping[str, str]
    former: Mapping[str, Segment]
    blind: tuple[str, ...]


def register(connection: psycopg.Connection, segment: Segment, as_of: datetime) -> None:
    """Reserve the segment's key for its model; raises `ConfigError` if another model has it."""
    row = connection.execute(
        "insert into segments.keys values (%s, %s, %s) on conflict (key) do update"
        " set key = excluded.key returning model",
        (segment.key, segment.model, as_of),
    ).fetchone()
    if row and row[0] != segment.model:
        raise ConfigError(
            f'the key "{segment.key}" was used before by {row[0]}. Choose another one: customers '
            "and destinations still know the old list by this key."
        )


def remember(connection: psycopg.Connection, definitions: Definitions, as_of: datetime) -> None:
    """Store the current definitions as the last good ones."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into segments.definitions values (%s, %s, %s) on conflict (key) do update"
            " set definition = excluded.definition, since = excluded.since"
            " where definitions.definition <> excluded.definition",
            [
                (segment.key, Jsonb(segment.model_dump(mode="json")), as_of)
                for segment in definitions.segments.values()
            ],
        )


def recall(connection: psycopg.Connection, definitions: Definitions) -> Known:
    """The current definitions, completed by those that were stored."""
    former = {
        key: segment
        for key, definition in connection.execute(
            "select key, definition from segments.definitions"
        ).fetchall()
        if (segment := _restored(definition)) is not None
    }
    unreadable = {
        key: problem
        for name, problem in definitions.problems.items()
        if (key := name.removeprefix("seg_")) not in definitions.segments
    }
    kept = [former[key] for key in unreadable if key in former]
    ordered = sorted([*definitions.segments.values(), *kept], key=lambda s: (s.priority, s.key))
    blind = tuple(
        key for name in sorted(definitions.doubtful)
        if (key := name.removeprefix("seg_")) in unreadable and key not in former
    )  # fmt: skip
    return Known({segment.key: segment for segment in ordered}, unreadable, former, blind)


def retired(connection: psycopg.Connection, known: Known, destination: str, key: str) -> Segment:
    """The segment that a retired list follows: no members, and the same consent as before."""
    if key in known.segments:
        return known.segments[key].retire()
    if key in known.former:
        return known.former[key].retire()
    row = connection.execute(
        "select purpose, channel from activation.receipts where destination = %s and segment = %s"
        " order by sent_at desc limit 1",
        (destination, key),
    ).fetchone()
    return Segment.unknown(key, *(row or ("service", "none"))).retire()


def _restored(definition: dict[str, Any]) -> Segment | None:
    """The stored segment, even if its destinations are gone; None where it is no longer valid."""
    known = {name: value for name, value in definition.items() if name in Segment.model_fields}
    try:
        segment = Segment.model_validate({**known, "destinations": ()})
    except ValidationError:
        return None
    return segment.model_copy(update={"destinations": tuple(known.get("destinations", ()))})

"""Why nobody may be added to a list tonight: what it rests on could not be read.

A list holds where its own definition cannot be read or was not evaluated, where the destination
did not say who is out, and where another segment that holds people back from it is in doubt.
"""

from datetime import datetime

import psycopg

from rapport.activation.planning.known_lists import Listed
from rapport.activation.planning.list_guards import Hold
from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.definitions import Known


def suppressors(known: Known, segment: Segment) -> list[str]:
    """The segments whose members get nothing of this one's purpose from it."""
    return [
        other.key
        for other in known.segments.values()
        if segment.purpose in other.suppresses and other.key != segment.key
    ]


def hold(
    connection: psycopg.Connection, known: Known, listed: Listed, as_of: datetime
) -> Hold | None:
    """Why the list adds nobody; None where it may, and where nobody is added anyhow."""
    if listed.standing == "retired":
        return None
    if listed.standing == "unreadable":
        return Hold(str(listed.cause), "unreadable_definition")
    if (frozen := frozen_because(connection, listed.segment.key, as_of)) is not None:
        return Hold(frozen, "stale_source")
    pulled = connection.execute(
        "select problem from activation.pulls where destination = %s and as_of = %s",
        (listed.destination, as_of),
    ).fetchone()
    if pulled and pulled[0]:
        return Hold(f"who is out there is not known: {pulled[0]}", "stale_source")
    if (doubt := _doubt(connection, known, listed.segment, as_of)) is not None:
        return Hold(doubt, "suppressor_unknown")
    return None


def frozen_because(connection: psycopg.Connection, segment: str, as_of: datetime) -> str | None:
    """Why tonight's members of a segment are those of an earlier run; None where they are not."""
    row = connection.execute(
        "select frozen_because from segments.sizes where segment = %s and as_of = %s",
        (segment, as_of),
    ).fetchone()
    if row is None:
        return "it was not evaluated tonight"
    return None if row[0] is None else str(row[0])


def note_problem(
    connection: psycopg.Connection, segment: str, as_of: datetime, problem: str
) -> None:
    """Keep with tonight's size of a segment that it went by its last good definition."""
    with connection.transaction():
        connection.execute(
            "update segments.sizes set frozen_because = %s where segment = %s and as_of = %s",
            (problem, segment, as_of),
        )


def _doubt(
    connection: psycopg.Connection, known: Known, segment: Segment, as_of: datetime
) -> str | None:
    """Which segment that may hold people back from this one is not known for tonight."""
    for key in suppressors(known, segment):
        problem = known.unreadable.get(key) or frozen_because(connection, key, as_of)
        if problem is not None:
            return f"nobody is added, because {key} holds people back from it, and {problem}"
    if known.blind and segment.is_campaign:
        key = known.blind[0]
        return (
            "nobody is added, because this file may hold people back from campaigns and was never "
            f"readable: {known.unreadable[key]}"
        )
    return None

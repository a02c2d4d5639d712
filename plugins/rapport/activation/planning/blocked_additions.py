"""Holds: why nobody may be added to a list in this run.

A list is on hold where its own definition cannot be read or was not evaluated, where the
destination did not report its suppressions, and where the members of a segment that suppresses it
are not known.

>>> find_hold(connection, known, target)  # doctest: +SKIP
Hold(cause='postbox is stale', reason='stale_source')
"""

import psycopg

from rapport.activation.lists import List
from rapport.activation.planning.list_guards import Hold
from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.definitions import Known
from rapport.activation.segments.sizes import frozen_because


def suppressors(known: Known, segment: Segment) -> list[str]:
    """The keys of the segments that suppress the purpose of this one."""
    return [
        other.key
        for other in known.segments.values()
        if segment.purpose in other.suppresses and other.key != segment.key
    ]


def find_hold(connection: psycopg.Connection, known: Known, target: List) -> Hold | None:
    """Why the list adds nobody; None where it may, and for a retired list, which adds nobody."""
    if target.standing == "retired":
        return None
    if target.standing == "unreadable":
        return Hold(str(target.cause), "unreadable_definition")
    if (frozen := frozen_because(connection, target.segment.key, target.as_of)) is not None:
        return Hold(frozen, "stale_source")
    pulled = connection.execute(
        "select problem from activation.pulls where destination = %s and as_of = %s",
        (target.destination, target.as_of),
    ).fetchone()
    if pulled and pulled[0]:
        return Hold(f"its suppressions are not known: {pulled[0]}", "stale_source")
    if (cause := _unknown_suppressor(connection, known, target)) is not None:
        return Hold(cause, "suppressor_unknown")
    return None


def _unknown_suppressor(connection: psycopg.Connection, known: Known, target: List) -> str | None:
    """Why the members of a segment that may suppress this list are not known in this run."""
    for key in suppressors(known, target.segment):
        problem = known.unreadable.get(key) or frozen_because(connection, key, target.as_of)
        if problem is not None:
            return f"nobody is added, because {key} holds people back from it, and {problem}"
    if known.blind and target.segment.is_campaign:
        key = known.blind[0]
        return (
            "nobody is added, because this file may hold people back from campaigns and was never "
            f"readable: {known.unreadable[key]}"
        )
    return None

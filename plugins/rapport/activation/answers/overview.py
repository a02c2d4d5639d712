"""One row per segment: its size, what changed, and the state of its lists.

>>> overview(connection, load())  # doctest: +SKIP
[{"segment": "open_ticket", "members": 31, "entered": 2, "left": 4, "lists": [...]}]
"""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.activation.segments.declarations import Definitions


def overview(connection: psycopg.Connection, definitions: Definitions) -> list[dict[str, Any]]:
    """The segments in order of priority, then the unreadable ones with their last state."""
    with connection.cursor(row_factory=dict_row) as cursor:
        sizes = {
            row["segment"]: row
            for row in cursor.execute(
                "select distinct on (segment) segment, as_of, members, entered, left_tonight,"
                " frozen_because from segments.sizes order by segment, as_of desc"
            )
        }
        runs: dict[str, list[dict[str, Any]]] = {}
        for row in cursor.execute(
            "select distinct on (segment, destination) segment, destination, status, error, held,"
            " num_succeeded_add, num_succeeded_change, num_succeeded_remove,"
            " num_failed_add + num_failed_change + num_failed_remove as refused"
            " from activation.sync_runs order by segment, destination, as_of desc, started_at desc"
        ):
            runs.setdefault(row["segment"], []).append(row)
    rows: list[dict[str, Any]] = []
    for segment in definitions.segments.values():
        size = sizes.get(segment.key, {})
        declared = {
            "segment": segment.key, "name": segment.name, "description": segment.description,
            "owner": segment.owner, "purpose": segment.purpose, "channel": segment.channel,
            "priority": segment.priority,
        }  # fmt: skip
        rows.append(_row(declared, size, size.get("frozen_because"), runs))
    for name, problem in definitions.problems.items():
        key = name.removeprefix("seg_")
        unknown = {
            "segment": key, "name": name, "description": "", "owner": "", "purpose": "",
            "channel": "", "priority": 0,
        }  # fmt: skip
        rows.append(_row(unknown, sizes.get(key, {}), problem, runs))
    return rows


def detail(connection: psycopg.Connection, segment: str, runs: int = 14) -> dict[str, Any]:
    """One segment's size per run, newest first, and the segments that share members with it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        sizes = cursor.execute(
            "select as_of, members, entered, left_tonight as left, frozen_because as problem"
            " from segments.sizes where segment = %s order by as_of desc limit %s",
            (segment, runs),
        ).fetchall()
        overlaps = cursor.execute(
            "select other_segment as segment, members from segments.overlaps"
            " where segment = %s order by members desc, other_segment",
            (segment,),
        ).fetchall()
    return {"segment": segment, "sizes": sizes, "overlaps": overlaps}


def _row(
    declared: dict[str, Any],
    size: dict[str, Any],
    problem: str | None,
    runs: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    return {
        **declared,
        "as_of": size.get("as_of"),
        "members": size.get("members", 0),
        "entered": size.get("entered", 0),
        "left": size.get("left_tonight", 0),
        "problem": problem,
        "lists": [_list(run) for run in runs.get(declared["segment"], [])],
    }


def _list(run: dict[str, Any]) -> dict[str, Any]:
    return {
        "destination": run["destination"],
        "sent": run["held"],
        "added": run["num_succeeded_add"],
        "updated": run["num_succeeded_change"],
        "removed": run["num_succeeded_remove"],
        "refused": run["refused"],
        "state": run["status"] if run["error"] is None else f"{run['status']}: {run['error']}",
    }

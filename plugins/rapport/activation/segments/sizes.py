"""The size of each segment in each run: the table `segments.sizes`, written here only.

>>> note(connection, "buyers", "20260331T030000Z-01", as_of, entered=2)  # doctest: +SKIP
12
"""

from datetime import datetime

import psycopg

USUAL_RUNS = 28
FEWEST_RUNS = 7
ALWAYS_USUAL = 100


def note(
    connection: psycopg.Connection,
    segment: str,
    run_id: str,
    as_of: datetime,
    *,
    entered: int = 0,
    left: int = 0,
    frozen_because: str | None = None,
) -> int:
    """Count the members and add the size of this run; a repeated run adds to its own counts."""
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
            "segment": segment,
            "as_of": as_of,
            "run_id": run_id,
            "entered": entered,
            "left": left,
            "frozen": frozen_because,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def note_problem(
    connection: psycopg.Connection, segment: str, as_of: datetime, problem: str
) -> None:
    """Record why the run evaluated a segment by its last good definition."""
    with connection.transaction():
        connection.execute(
            "update segments.sizes set frozen_because = %s where segment = %s and as_of = %s",
            (problem, segment, as_of),
        )


def note_end(connection: psycopg.Connection, segment: str, run_id: str, as_of: datetime) -> None:
    """Record that a segment without a file has no members; a size of the run stays as it is."""
    connection.execute(
        "insert into segments.sizes values (%s, %s, %s, 0, 0, 0, null)"
        " on conflict (segment, as_of) do nothing",
        (segment, as_of, run_id),
    )


def frozen_because(connection: psycopg.Connection, segment: str, as_of: datetime) -> str | None:
    """Why the members of a segment are those of an earlier run; None where they are current."""
    row = connection.execute(
        "select frozen_because from segments.sizes where segment = %s and as_of = %s",
        (segment, as_of),
    ).fetchone()
    if row is None:
        return "it was not evaluated in this run"
    return None if row[0] is None else str(row[0])


def usual_band(
    connection: psycopg.Connection, segment: str, as_of: datetime
) -> tuple[int, int] | None:
    """The sizes that are usual for a segment without `size_band`: the least and the most members.

    A fifth to five times the median of up to 28 runs before `as_of`, whose members were evaluated;
    up to 100 members are always usual. None before there are seven such runs.
    """
    row = connection.execute(
        """
        select count(*), percentile_disc(0.5) within group (order by members)
        from (
            select members from segments.sizes
            where segment = %s and as_of < %s and frozen_because is null
            order by as_of desc
            limit %s
        ) as before
        """,
        (segment, as_of, USUAL_RUNS),
    ).fetchone()
    if row is None or row[0] < FEWEST_RUNS:
        return None
    median = int(row[1])
    return (0 if median <= ALWAYS_USUAL else median // 5), max(ALWAYS_USUAL, 5 * median)

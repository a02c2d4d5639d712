"""One run at a time: the first task opens it, the others join it, the last one closes it.

A run that was killed stays open and continues under the same run id.

>>> run_id_of(datetime(2026, 3, 31, 3, tzinfo=UTC), 1)
'20260331T030000Z-01'
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from rapport import demo, warehouse
from rapport.settings import Settings
from rapport.warehouse import locks

# A run that has been open for longer was killed: nothing of it is at work any more.
LONGEST = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Run:
    """A nightly run; `as_of` is the time (UTC) that every model takes for now."""

    run_id: str
    as_of: datetime


def run_id_of(as_of: datetime, number: int) -> str:
    """The id of the n-th run of that time."""
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{number:02d}"


def clock(settings: Settings) -> datetime:
    """The time that a new run is about: the sandbox's in the demo, else now, to the second."""
    if settings.demo:
        return demo.clock()
    return datetime.now(UTC).replace(microsecond=0)


def begin(as_of: datetime) -> Run:
    """The open run of that time, or a new one; an open run of another time is abandoned."""
    with warehouse.connect() as connection:
        _lock(connection)
        return _begin(connection, as_of)


def join(proposed: datetime | None, settings: Settings) -> Run:
    """The run that a task belongs to.

    `proposed` is the time of the schedule, or None for a task that something else triggered. Such
    a task joins the open run, and so does a task of a run that a newer one has overtaken. If no
    run is open, one begins now.
    """
    now = clock(settings) if settings.demo or proposed is None else proposed
    with warehouse.connect() as connection:
        _lock(connection)
        if proposed is None:
            return _open(connection) or _begin(connection, now)
        newest = connection.execute("select max(as_of) from ops.nights").fetchone()
        if newest is None or newest[0] is None or now >= newest[0]:
            return _begin(connection, now)
        return _open(connection) or _begin(connection, clock(settings))


def latest() -> Run | None:
    """The newest run, open or not."""
    with warehouse.connect() as connection:
        row = connection.execute(
            "select run_id, as_of from ops.nights order by started_at desc limit 1"
        ).fetchone()
    return Run(*row) if row else None


def at_work(connection: psycopg.Connection[Any], at: datetime) -> str | None:
    """The id of the run that is at work at that time."""
    row = connection.execute(
        "select run_id from ops.nights where status = 'running' and started_at > %s",
        (at - LONGEST,),
    ).fetchone()
    return str(row[0]) if row else None


def finish(run: Run, status: str) -> None:
    """Close a run: `succeeded`, `partial` or `failed`."""
    with warehouse.connect() as connection:
        connection.execute(
            "update ops.nights set status = %s, finished_at = clock_timestamp() where run_id = %s",
            (status, run.run_id),
        )


def _lock(connection: psycopg.Connection[Any]) -> None:
    locks.take_turn(connection, "nights")


def _begin(connection: psycopg.Connection[Any], as_of: datetime) -> Run:
    run = _open(connection)
    if run is not None and run.as_of == as_of:
        return run
    connection.execute(
        "update ops.nights set status = 'abandoned', finished_at = clock_timestamp()"
        " where status = 'running'"
    )
    row = connection.execute(
        "select count(*) from ops.nights where as_of = %s", (as_of,)
    ).fetchone()
    assert row is not None
    run = Run(run_id_of(as_of, row[0] + 1), as_of)
    connection.execute(
        "insert into ops.nights (run_id, as_of) values (%s, %s)", (run.run_id, run.as_of)
    )
    return run


def _open(connection: psycopg.Connection[Any]) -> Run | None:
    row = connection.execute(
        "select run_id, as_of from ops.nights where status = 'running'"
    ).fetchone()
    return Run(*row) if row else None

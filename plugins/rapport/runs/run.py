"""One night at a time: opened by whoever comes first, joined by the others, closed at the end.

A night that was killed stays open and is taken up again under the same run id.

>>> run_id_of(datetime(2026, 3, 31, 3, tzinfo=UTC), 1)
'20260331T030000Z-01'
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from rapport import demo, warehouse
from rapport.errors import RapportError
from rapport.settings import Settings
from rapport.warehouse import locks


@dataclass(frozen=True, slots=True)
class Night:
    """A night: `as_of` is the time (UTC) that every model takes for now."""

    run_id: str
    as_of: datetime


@dataclass(slots=True)
class Stage:
    """A stage under way; what is put into `result` is kept with it: counts and ids only."""

    name: str
    result: dict[str, Any] = field(default_factory=dict)


def run_id_of(as_of: datetime, number: int) -> str:
    """The id of the n-th run of a night."""
    return f"{as_of.astimezone(UTC):%Y%m%dT%H%M%SZ}-{number:02d}"


def clock(settings: Settings) -> datetime:
    """The time that tonight is about: the sandbox's in the demo, else now, to the second."""
    if settings.demo:
        return demo.clock()
    return datetime.now(UTC).replace(microsecond=0)


def begin(as_of: datetime) -> Night:
    """The open night of that time, or a new one; an open night of another time is given up."""
    with warehouse.connect() as connection:
        _lock(connection)
        return _begin(connection, as_of)


def join(proposed: datetime | None, settings: Settings) -> Night:
    """The night that a task belongs to.

    `proposed` is the time of the schedule, None for a task that something else set off: that one
    joins the open night, and so does one of a night that a newer one has overtaken. Without an
    open night, one begins now.
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


def latest() -> Night | None:
    """The newest night, open or not."""
    with warehouse.connect() as connection:
        row = connection.execute(
            "select run_id, as_of from ops.nights order by started_at desc limit 1"
        ).fetchone()
    return Night(*row) if row else None


def finish(night: Night, status: str) -> None:
    """Close a night: `succeeded`, `partial` or `failed`."""
    with warehouse.connect() as connection:
        connection.execute(
            "update ops.nights set status = %s, finished_at = clock_timestamp() where run_id = %s",
            (status, night.run_id),
        )


@contextlib.contextmanager
def stage(night: Night, name: str) -> Iterator[Stage]:
    """Time a stage and keep what became of it; the error's text only if it is one of ours."""
    started = time.monotonic()
    current = Stage(name)
    with warehouse.connect(autocommit=True) as connection:
        row = connection.execute(
            "insert into ops.stages (run_id, name) values (%s, %s) returning stage_id",
            (night.run_id, name),
        ).fetchone()
        assert row is not None
    status, error = "failed", None
    try:
        yield current
        status = "succeeded"
    except RapportError as raised:
        error = f"{type(raised).__name__}: {raised}"
        raise
    except BaseException as raised:
        error = type(raised).__name__
        raise
    finally:
        with warehouse.connect(autocommit=True) as connection:
            connection.execute(
                "update ops.stages set seconds = %s, status = %s, error = %s, result = %s"
                " where stage_id = %s",
                (
                    time.monotonic() - started,
                    status,
                    error,
                    Jsonb(current.result),
                    row[0],
                ),
            )


def _lock(connection: psycopg.Connection[Any]) -> None:
    locks.take_turn(connection, "nights")


def _begin(connection: psycopg.Connection[Any], as_of: datetime) -> Night:
    night = _open(connection)
    if night is not None and night.as_of == as_of:
        return night
    connection.execute(
        "update ops.nights set status = 'abandoned', finished_at = clock_timestamp()"
        " where status = 'running'"
    )
    row = connection.execute(
        "select count(*) from ops.nights where as_of = %s", (as_of,)
    ).fetchone()
    assert row is not None
    night = Night(run_id_of(as_of, row[0] + 1), as_of)
    connection.execute(
        "insert into ops.nights (run_id, as_of) values (%s, %s)", (night.run_id, night.as_of)
    )
    return night


def _open(connection: psycopg.Connection[Any]) -> Night | None:
    row = connection.execute(
        "select run_id, as_of from ops.nights where status = 'running'"
    ).fetchone()
    return Night(*row) if row else None

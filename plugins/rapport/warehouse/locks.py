"""Locks in the warehouse that only the service's logins can hold: rows instead of advisory locks.

Postgres lets every login take any advisory lock, so a reader could stop a run with one. A row can
be locked only by who may change its table. A lock is its session's: when the session ends, however
it ends, the lock is free.

>>> with only_one(connection, "run") as is_ours:  # doctest: +SKIP
...     assert is_ours
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]
LOOK_EVERY = 0.1  # seconds


def take_turn(connection: Connection, name: str) -> None:
    """Wait until no other transaction has this turn, then keep it until the transaction ends.

    Raises psycopg's `LockNotAvailable` after `lock_timeout`.
    """
    connection.execute("insert into ops.turns (name) values (%s) on conflict do nothing", [name])
    connection.execute("select from ops.turns where name = %s for update", [name])


def try_turn(connection: Connection, name: str) -> bool:
    """As `take_turn`, but without waiting: False if another transaction has the turn."""
    connection.execute("insert into ops.turns (name) values (%s) on conflict do nothing", [name])
    taken = connection.execute(
        "select true from ops.turns where name = %s for update skip locked", [name]
    )
    return taken.fetchone() is not None


@contextmanager
def only_one(connection: Connection, name: str) -> Iterator[bool]:
    """Hold a lock for the block unless another session holds it; yields whether we hold it.

    `connection` must be in autocommit mode.
    """
    is_ours = try_to_hold(connection, name)
    try:
        yield is_ours
    finally:
        if is_ours:
            let_go(connection, name)


def try_to_hold(connection: Connection, name: str) -> bool:
    """Hold a lock until `let_go` or the end of the session; False if another session holds it."""
    row = connection.execute("select ops.try_to_hold(%s)", [name]).fetchone()
    return row == (True,)


def let_go(connection: Connection, name: str) -> None:
    """Release the lock; Postgres releases it itself when a connection breaks."""
    if not connection.closed and not connection.broken:
        connection.execute(
            "delete from ops.locks where name = %s and pid = pg_backend_pid()", [name]
        )


@contextmanager
def shared(connection: Connection, name: str) -> Iterator[None]:
    """Hold a lock for the block that others may hold too; waits for a `take_turn` of that name.

    `connection` must be in autocommit mode.
    """
    with connection.transaction():
        take_turn(connection, name)
        connection.execute("select ops.hold(%s)", [name])
    try:
        yield
    finally:
        let_go(connection, name)


def wait_for_holders(connection: Connection, name: str, seconds: float) -> bool:
    """Within a turn: whether every session that holds the lock releases it in that time."""
    deadline = time.monotonic() + seconds
    while holders(connection, name):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY)
    return True


def holders(connection: Connection, name: str) -> list[int]:
    """The process ids of the sessions that hold the lock."""
    return [row[0] for row in connection.execute("select * from ops.lock_holders(%s)", [name])]

"""The exclusive right to load a stream: a lock, and a fencing token against a late process.

The lock belongs to the database session, so a killed process leaves no lock behind. A process that
holds the lock without a heartbeat for `LEASE` counts as frozen: its session is ended and its token
becomes outdated.

>>> with Writer(connection, "postbox", "tickets") as writer:  # doctest: +SKIP
...     writer.check()
"""

from datetime import timedelta
from types import TracebackType
from typing import Self

import psycopg

from rapport.errors import AlreadyRunning, StaleWriter
from rapport.warehouse import locks

LEASE = timedelta(minutes=15)


class Writer:
    """Holds the right to load a stream; `connection` must be in autocommit mode."""

    def __init__(
        self,
        connection: psycopg.Connection,
        source: str,
        stream: str,
        lease: timedelta = LEASE,
    ) -> None:
        self.connection = connection
        self.source = source
        self.stream = stream
        self.lease = lease
        self.token = 0

    def __enter__(self) -> Self:
        if not self._lock() and not (self._end_frozen() and self._lock()):
            raise AlreadyRunning(
                f"{self.source} {self.stream}: another process is loading this stream. Wait until "
                "it ends. Its database backend is in raw.writers."
            )
        row = self.connection.execute(
            """
            insert into raw.writers as writer (source, stream, token, backend_pid)
            values (%s, %s, 1, pg_backend_pid())
            on conflict (source, stream) do update
            set token = writer.token + 1, backend_pid = pg_backend_pid(),
                heartbeat_at = clock_timestamp()
            returning token
            """,
            (self.source, self.stream),
        ).fetchone()
        assert row is not None
        self.token = row[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        locks.let_go(self.connection, self._name)

    @property
    def _name(self) -> str:
        return f"landing/{self.source}/{self.stream}"

    def _lock(self) -> bool:
        return locks.try_to_hold(self.connection, self._name)

    def _end_frozen(self) -> bool:
        # Ask for the lock's holders: the process id in raw.writers may by now be another backend's.
        holders = locks.holders(self.connection, self._name)
        row = self.connection.execute(
            """
            select bool_and(pg_terminate_backend(holder.pid, 5000))
            from raw.writers, unnest(%s::integer[]) as holder (pid)
            where source = %s and stream = %s and heartbeat_at < clock_timestamp() - %s
            """,
            (holders, self.source, self.stream, self.lease),
        ).fetchone()
        return bool(row and row[0])

    def check(self) -> None:
        """Renew the heartbeat in the caller's transaction; raises `StaleWriter` if replaced."""
        row = self.connection.execute(
            """
            update raw.writers set heartbeat_at = clock_timestamp()
            where source = %s and stream = %s and token = %s
            returning token
            """,
            (self.source, self.stream, self.token),
        ).fetchone()
        if row is None:
            raise StaleWriter(
                f"{self.source} {self.stream}: a newer process has taken over this load. This "
                "process commits nothing more and can be stopped."
            )

"""Queries of the pages: read only, short, in the role of the reader, few at a time.

>>> with Warehouse().look("bi_reader") as connection:  # doctest: +SKIP
...     headlines(connection)
"""

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from rapport import warehouse
from rapport.errors import RetryLater
from rapport.pages.access import Reader

Connection = psycopg.Connection[Any]
MOST = 10
WAIT = 5.0
TIMEOUT = "10s"

log = logging.getLogger(__name__)


class Warehouse:
    """A small pool of connections; the first query opens them."""

    def __init__(self, most: int = MOST) -> None:
        self._idle: queue.LifoQueue[Connection] = queue.LifoQueue()
        self._places = threading.BoundedSemaphore(most)

    @contextmanager
    def look(self, role: str | None = None) -> Iterator[Connection]:
        """A read-only transaction with one snapshot of the warehouse, in that role."""
        with self._borrow() as connection, connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            connection.execute(sql.SQL("set local statement_timeout = {}").format(TIMEOUT))
            take(connection, role)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction with the rights of the login, to store decisions and looks."""
        with self._borrow() as connection, connection.transaction():
            connection.execute(sql.SQL("set local statement_timeout = {}").format(TIMEOUT))
            yield connection

    def note(
        self,
        reader: Reader,
        what: str,
        customer_ids: list[str] | None = None,
        subject: str | None = None,
        people: int = 1,
    ) -> None:
        """Record that the reader sees contact details, before they are shown."""
        with self.write() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "insert into ops.contact_looks (viewer, what, customer_id, subject, people)"
                " values (%s, %s, %s, %s, %s)",
                [
                    (reader.name, what, customer_id, subject, people)
                    for customer_id in customer_ids or [None]  # type: ignore[list-item]
                ],
            )

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def _borrow(self) -> Iterator[Connection]:
        if not self._places.acquire(timeout=WAIT):
            raise RetryLater("the pages are busy. Try again in a moment.")
        try:
            connection = self._connection()
            try:
                yield connection
            except psycopg.OperationalError as error:
                if not isinstance(error, psycopg.errors.QueryCanceled):
                    self.close()
                raise
            finally:
                if connection.closed or connection.broken:
                    connection.close()
                else:
                    self._idle.put(connection)
        finally:
            self._places.release()

    def _connection(self) -> Connection:
        while True:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                return warehouse.connect(autocommit=True, application_name="rapport pages")
            if not connection.closed:
                return connection


def take(connection: Connection, role: str | None) -> None:
    """Take the role until the transaction ends; a warehouse without the role has no roles yet."""
    if role is None:
        return
    row = connection.execute(
        "select pg_has_role(oid, 'SET') from pg_roles where rolname = %s", [role]
    ).fetchone()
    if row and row[0]:
        connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    else:
        log.warning("the warehouse has no role %s that this login may take: db migrate", role)

"""Connections whose rows are counted by Postgres before they are closed.

Postgres counts the rows that a transaction wrote up to ten seconds after its end. A step that asks
what another step wrote would miss them: `transform.outdated` decides by these counts what to build.

>>> Connection.__mro__[1] is psycopg.Connection
True
"""

import contextlib
import time
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

COUNT_NOW = "select pg_stat_force_next_flush()"
OTHERS = """
select exists (
    select from pg_stat_activity
    where application_name = %s and datname = current_database() and usename = current_user
)
"""


class Connection(psycopg.Connection[Any]):
    """A connection that has its rows counted when it is closed."""

    def close(self) -> None:
        """As psycopg's."""
        if not self.closed and self.info.transaction_status == TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                self.set_autocommit(True)
                self.execute(COUNT_NOW)
        super().close()


def wait_for(connection: psycopg.Connection[Any], application: str, seconds: float = 2) -> None:
    """Wait until the sessions of an application that has ended are gone, and so are counted."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        row = connection.execute(OTHERS, [application]).fetchone()
        if not (row and row[0]):
            return
        time.sleep(0.01)

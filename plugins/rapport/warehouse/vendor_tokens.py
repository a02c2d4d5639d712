"""OAuth tokens of a vendor that rotates them, kept in the warehouse so that all workers share them.

>>> with VendorTokens("postbox", first="...").turn() as kept:  # doctest: +SKIP
...     kept.read()
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rapport import warehouse
from rapport.errors import RetryLater
from rapport.vendors.rotating_login import Pair
from rapport.warehouse.locks import LOOK_EVERY, Connection, let_go, try_to_hold

LONGEST_WAIT = 120.0  # seconds


@dataclass(frozen=True)
class VendorTokens:
    """The tokens of one connection. `first` is the refresh token that the connection holds."""

    connection: str
    first: str = field(repr=False)

    def read(self) -> Pair:
        """The newest pair, without waiting for a refresh that is under way."""
        with warehouse.connect(autocommit=True) as session:
            return self._in(session).read()

    @contextmanager
    def turn(self) -> Iterator["Kept"]:
        """The only one that may refresh, among all processes; waits for its turn.

        The lock is the session's, so a process that is killed frees it. Raises `RetryLater`.
        """
        with warehouse.connect(autocommit=True, application_name="vendor tokens") as session:
            name = f"tokens of {self.connection}"
            deadline = time.monotonic() + LONGEST_WAIT
            while not try_to_hold(session, name):
                if time.monotonic() > deadline:
                    raise RetryLater(
                        f"{self.connection}: another process has been refreshing the token for "
                        f"{LONGEST_WAIT:.0f} s. Run again later."
                    )
                time.sleep(LOOK_EVERY)
            try:
                yield self._in(session)
            finally:
                let_go(session, name)

    def _in(self, session: Connection) -> "Kept":
        return Kept(session, self.connection, self.first)


@dataclass(frozen=True)
class Kept:
    """The row of one connection, in a session in autocommit mode."""

    session: Connection
    connection: str
    first: str = field(repr=False)

    def read(self) -> Pair:
        """The newest pair. A refresh token that is new in the connection replaces it."""
        row = self.session.execute(
            "select access_token, refresh_token, expires_at, refreshing_since"
            " from ops.vendor_tokens where connection = %s and first_token = %s",
            [self.connection, self._digest()],
        ).fetchone()
        if row is None:
            return Pair("", self.first)
        return Pair(row[0], row[1], row[2].timestamp() if row[2] else None, row[3] is not None)

    def intend(self, refresh_token: str) -> None:
        """Commit that this refresh token is about to be used."""
        self.session.execute(
            "insert into ops.vendor_tokens as kept"
            " (connection, first_token, refresh_token, refreshing_since)"
            " values (%s, %s, %s, clock_timestamp())"
            " on conflict (connection) do update set first_token = excluded.first_token,"
            " access_token = case when kept.first_token = excluded.first_token"
            " then kept.access_token else '' end,"
            " refresh_token = excluded.refresh_token, refreshing_since = excluded.refreshing_since",
            [self.connection, self._digest(), refresh_token],
        )

    def store(self, pair: Pair) -> None:
        """Commit the pair that the vendor gave; from now on it is the one that is good."""
        expires = pair.expires_at and datetime.fromtimestamp(pair.expires_at, UTC)
        self.session.execute(
            "update ops.vendor_tokens set access_token = %s, refresh_token = %s, expires_at = %s,"
            " refreshing_since = null where connection = %s",
            [pair.access_token, pair.refresh_token, expires, self.connection],
        )

    def _digest(self) -> str:
        return hashlib.sha256(self.first.encode()).hexdigest()

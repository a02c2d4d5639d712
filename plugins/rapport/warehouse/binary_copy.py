r"""Rows in Postgres' binary COPY format, so that no byte of a payload has to be escaped.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".

>>> field(b"abc")
b'\x00\x00\x00\x03abc'
"""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
TRAILER = struct.pack("!h", -1)
LENGTH = struct.Struct("!i")
# A field of jsonb: the length of what follows, then the version of the format, then JSON text.
VERSIONED = struct.Struct("!ib")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def field(value: bytes) -> bytes:
    """A field of text or bytea."""
    return LENGTH.pack(len(value)) + value


def bigint(value: int) -> bytes:
    """A field of bigint."""
    return struct.pack("!iq", 8, value)


def integer(value: int) -> bytes:
    """A field of integer."""
    return struct.pack("!ii", 4, value)


def boolean(value: bool) -> bytes:
    """A field of boolean."""
    return struct.pack("!i?", 1, value)


def timestamptz(value: datetime) -> bytes:
    """A field of timestamptz, in microseconds since 2000."""
    return bigint((value - _EPOCH) // timedelta(microseconds=1))


def row_start(columns: int) -> bytes:
    """What stands before each row."""
    return struct.pack("!h", columns)


def copy_in(
    connection: psycopg.Connection,
    table: sql.Composable,
    columns: Iterable[str],
    parts: Iterable[bytes],
) -> None:
    """COPY encoded rows, given as their parts, into a table."""
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER + b"".join(parts) + TRAILER)

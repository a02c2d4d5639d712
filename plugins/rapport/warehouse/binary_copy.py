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

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
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
    copy_chunks(connection, table, columns, [b"".join(parts)])


def copy_chunks(
    connection: psycopg.Connection,
    table: sql.Composable,
    columns: Iterable[str] | None,
    chunks: Iterable[bytes],
) -> None:
    """As `copy_in`, for chunks of many rows each, of which only one is in memory at a time.

    `columns` may be None for a table that has just these columns, in this order.
    """
    names: sql.Composable = sql.SQL("")
    if columns is not None:
        names = sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    statement = sql.SQL("copy {}{} from stdin (format binary)").format(table, names)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(_HEADER)
        for chunk in chunks:
            copy.write(chunk)
        copy.write(_TRAILER)

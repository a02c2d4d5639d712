r"""Rows in Postgres' binary COPY format, so that no byte of a payload has to be escaped.

Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".

>>> field(b"abc")
b'\x00\x00\x00\x03abc'
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack("!ii", 0, 0)
_TRAILER = struct.pack("!h", -1)
LENGTH = struct.Struct("!i")
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


def fields(values: Sequence[bytes], *, is_jsonb: bool = False) -> list[Any]:
    """The fields of a column of text, bytea or jsonb, for `rows`."""
    import pyarrow  # which takes a moment

    column = pyarrow.array(values, pyarrow.binary())
    sizes = np.diff(np.frombuffer(column.buffers()[1], np.int32)[: len(column) + 1])
    lengths = (sizes + is_jsonb).astype(">i4").tobytes()
    width = pyarrow.binary(4)
    before = pyarrow.Array.from_buffers(width, len(column), [None, pyarrow.py_buffer(lengths)])
    return [before, b"\x01", column] if is_jsonb else [before, column]


def rows(parts: Sequence[Any]) -> bytes:
    """Many rows at once; each has the parts, of `fields` or the same for all, one after the other.

    >>> rows([row_start(1), *fields([b"a", b"bc"])])
    b'\x00\x01\x00\x00\x00\x01a\x00\x01\x00\x00\x00\x02bc'
    """
    import pyarrow
    from pyarrow import compute

    kind = pyarrow.binary()
    columns = [
        pyarrow.scalar(part, kind) if isinstance(part, bytes) else part.cast(kind) for part in parts
    ]
    found = compute.binary_join_element_wise(*columns, pyarrow.scalar(b"", kind))
    _, offsets, data = found.buffers()
    size = int(np.frombuffer(offsets, np.int32)[len(found)])
    return b"" if data is None else bytes(memoryview(data)[:size])


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

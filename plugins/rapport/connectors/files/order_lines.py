"""Puts the lines of an order together, wherever they stand in a file, in bounded memory.

Most exports write the lines of an order one below the other: these are put together as they come.
Ids are remembered in a filter of fixed size. An id that may have been there before is looked for in
the whole file once more at its end.

>>> [order.id for order in grouped([Line("a", {}), Line("a", {}), Line("b", {})])]
['a', 'b']
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import xxhash

FILTER_BITS = 27


class Line(NamedTuple):
    """A row of the file, the id of its order, and where it stands."""

    id: str
    values: dict[str, Any]
    number: int = 0
    original: bytes = b""


@dataclass(slots=True)
class Order:
    """The lines of one order."""

    id: str
    lines: list[Line] = field(default_factory=list)


class SeenIds:
    """Whether an id was there before; it may say yes where it was not, never no where it was."""

    def __init__(self) -> None:
        self._bits = bytearray(1 << (FILTER_BITS - 3))

    def add(self, id: str) -> bool:
        """Remembers the id; whether it may have been there before."""
        digest = xxhash.xxh3_128_intdigest(id.encode())
        is_known = True
        for _ in range(4):
            place = digest & ((1 << FILTER_BITS) - 1)
            digest >>= FILTER_BITS
            bit = 1 << (place & 7)
            if not self._bits[place >> 3] & bit:
                is_known = False
                self._bits[place >> 3] |= bit
        return is_known


def grouped(
    lines: Iterable[Line], again: Callable[[], Iterable[Line]] | None = None
) -> Iterator[Order]:
    """The orders. An order whose lines stand apart comes last, with all of its lines.

    `again` gives the lines of the file once more; it is called where lines stand apart.
    """
    seen = SeenIds()
    apart: set[str] = set()
    current: Order | None = None
    for line in lines:
        if current is not None and line.id == current.id:
            current.lines.append(line)
            continue
        if current is not None and current.id not in apart:
            yield current
        current = Order(line.id, [line])
        if seen.add(line.id):
            apart.add(line.id)
    if current is not None and current.id not in apart:
        yield current
    if apart and again is not None:
        yield from _together(line for line in again() if line.id in apart)


def _together(lines: Iterable[Line]) -> Iterator[Order]:
    with (
        tempfile.NamedTemporaryFile(prefix="rapport-lines-") as file,
        closing(sqlite3.connect(file.name, isolation_level=None)) as store,
    ):
        store.execute("pragma journal_mode = off")
        store.execute("pragma synchronous = off")
        store.execute("create table line (id text, n integer, number integer, row, original)")
        store.execute("begin")
        store.executemany(
            "insert into line values (?, ?, ?, ?, ?)",
            (
                (line.id, n, line.number, msgspec.json.encode(line.values), line.original)
                for n, line in enumerate(lines)
            ),
        )
        current: Order | None = None
        rows = store.execute("select id, number, row, original from line order by id, n")
        for id, number, row, original in rows:
            if current is None or current.id != id:
                if current is not None:
                    yield current
                current = Order(id)
            current.lines.append(Line(id, msgspec.json.decode(row), number, original))
        if current is not None:
            yield current

"""Puts the lines of an order together, wherever they stand in a file, in bounded memory.

Most exports write the lines of an order one below the other: these are put together as they come.
Ids are remembered in a filter of fixed size. An id that may have been there before is looked for in
the whole file once more at its end.

>>> lines = OrderLines()
>>> rows = [Line("a", Row(2, b"")), Line("a", Row(3, b"")), Line("b", Row(4, b""))]
>>> [len(order) for order in lines.add(rows)], [len(order) for order in lines.rest()]
([2], [1])
"""

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby, pairwise
from operator import itemgetter, ne
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from rapport.connectors.files.row import Row

FILTER_BITS = 27
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93],
    dtype=np.uint64,
)


class Line(NamedTuple):
    """A row of the file with the id of its order."""

    id: str
    row: Row


Order = list[Line]
New = TypeVar("New")


class SeenIds:
    """Whether an id was there before; it may say yes where it was not, never no where it was."""

    def __init__(self) -> None:
        self._bits = np.zeros(1 << (FILTER_BITS - 3), dtype=np.uint8)

    def add(self, ids: Sequence[str]) -> list[bool]:
        """Remember different ids; which of them may have been there before."""
        hashes = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids)).view(np.uint64)
        places = (hashes[:, None] * _FACTORS) >> np.uint64(64 - FILTER_BITS)
        index = (places >> np.uint64(3)).astype(np.int64)
        bits = (np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)).astype(np.uint8)
        known = ((self._bits[index] & bits) != 0).all(axis=1)
        np.bitwise_or.at(self._bits, index.ravel(), bits.ravel())
        found: list[bool] = known.tolist()
        return found


class OrderLines:
    """Takes the lines of a file in turn and gives the orders that are complete."""

    def __init__(self) -> None:
        self._seen = SeenIds()
        self._held: Order = []
        self._apart: set[str] = set()

    def add(self, lines: Sequence[Line]) -> list[Order]:
        """The orders that these lines complete; the last one may go on and is held back."""
        orders = [list(of_one) for _, of_one in groupby([*self._held, *lines], itemgetter(0))]
        if not orders:
            return []
        self._held = orders.pop()
        return list(self._new([order[0].id for order in orders], orders))

    def add_table(
        self, ids: Sequence[str], rows_at: Callable[[Sequence[int]], Iterable[Row]]
    ) -> tuple[Sequence[int], list[Order]]:
        """As `add`, for the rows of a table, of which only those that are needed are made.

        The places of the rows that are an order each, and the other orders.
        """
        goes_on = bool(self._held) and self._held[0].id == ids[0]
        is_other = np.fromiter(map(ne, ids, ids[1:]), dtype=bool, count=len(ids) - 1)
        if not goes_on and is_other.all():
            before = self.rest()
            self._held = [Line(ids[-1], *rows_at([len(ids) - 1]))]
            return self._new(ids[:-1], range(len(ids) - 1)), before
        bounds = [0, *(np.flatnonzero(is_other) + 1).tolist(), len(ids)]
        runs = [range(*one) for one in pairwise(bounds)]
        ends = runs[:goes_on] + runs[-1:]
        needed = sorted({at for run in runs if len(run) > 1 or run in ends for at in run})
        lines = {at: Line(ids[at], row) for at, row in zip(needed, rows_at(needed), strict=True)}
        orders: list[Any] = [
            [lines[at] for at in run] if run[0] in lines else run[0] for run in runs
        ]
        of_run = [ids[run[0]] for run in runs]
        if goes_on:
            orders[0] = [*self._held, *orders[0]]
        elif self._held:
            orders.insert(0, self._held)
            of_run.insert(0, self._held[0].id)
        of_run.pop()
        self._held = orders.pop()
        new = self._new(of_run, orders)
        alone = [one for one in new if isinstance(one, int)]
        return alone, [one for one in new if isinstance(one, list)]

    def rest(self) -> list[Order]:
        """The order that was held back."""
        held, self._held = self._held, []
        return list(self._new([held[0].id], [held])) if held else []

    def is_apart(self, id: str) -> bool:
        """Whether lines of the order stand apart."""
        return id in self._apart

    def apart(self, lines: Iterable[Line]) -> Iterator[Order]:
        """The orders whose lines stand apart, complete, from all their lines once more."""
        if self._apart:
            yield from _together(lines)

    def _new(self, ids: Sequence[str], orders: Sequence[New]) -> Sequence[New]:
        """The orders that were not there before, of which each has an id."""
        before = self._seen.add(ids)
        if not any(before) and len(set(ids)) == len(ids):
            return orders
        mine: set[str] = set()
        new = []
        for order, id, was_seen in zip(orders, ids, before, strict=True):
            if was_seen or id in mine:
                self._apart.add(id)
            else:
                new.append(order)
            mine.add(id)
        return new


def _together(lines: Iterable[Line]) -> Iterator[Order]:
    """The lines by order, put in order on disk."""
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
                (id, n, row.number, msgspec.json.encode(dict(row.values)), row.original)
                for n, (id, row) in enumerate(lines)
            ),
        )
        rows = store.execute("select id, number, row, original from line order by id, n")
        for _, of_one in groupby(rows, itemgetter(0)):
            yield [
                Line(id, Row(number, original, msgspec.json.decode(row)))
                for id, number, row, original in of_one
            ]

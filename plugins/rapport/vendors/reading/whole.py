"""Rows that were read column by column, and what is stored of each.

>>> status = ManyCells(["paid", "x"]), ["Paid", "x"]
>>> stored(Whole({}, {"status": status}, ["K-1", "K-2"], {}))
[{'status': 'paid', 'profile': 'K-1'}, {'profile': 'K-2'}]
"""

from collections.abc import Mapping, Sequence
from operator import ne
from typing import Any, NamedTuple

from rapport.vendors.reading.columns import ManyCells
from rapport.vendors.reading.problems import Unreadable


class Whole(NamedTuple):
    """`columns` are the canonical ones, each with what was read and with the cells.

    `constants` have the same value in all rows. `profiles` are the people. `unreadable` are the
    rows that cannot be read, by their places.
    """

    constants: Mapping[str, Any]
    columns: Mapping[str, tuple[ManyCells, Sequence[Any]]]
    profiles: Sequence[str]
    unreadable: Mapping[int, Unreadable]


def stored(whole: Whole) -> list[dict[str, Any] | Unreadable]:
    """The canonical values of each row that are not the text of their cell, and its person.

    `table.payloads` writes the same members in the same order.
    """
    rows: list[dict[str, Any]] = [dict(whole.constants) for _ in whole.profiles]
    for name, (read, given) in whole.columns.items():
        if not read.is_as_written:
            differs = differing(read.values, given)
            for row, value, is_stored in zip(rows, read.values, differs, strict=True):
                if is_stored:
                    row[name] = value
        for place, reason in read.odd.items():
            rows[place].setdefault("odd", {})[name] = reason
    for row, profile in zip(rows, whole.profiles, strict=True):
        row["profile"] = profile
    return [whole.unreadable.get(place, row) for place, row in enumerate(rows)]


def differing(values: Sequence[Any], given: Sequence[Any]) -> list[bool]:
    """Which values are not the text of their cell; an empty cell is nothing."""
    differs = list(map(ne, values, given))
    if None not in values and int not in set(map(type, given)):
        return differs
    return [
        is_other
        and not (value is None and cell == "")
        and not (type(cell) is int and str(cell) == value)
        for is_other, value, cell in zip(differs, values, given, strict=True)
    ]

"""Reads a column of many cells at once, where all of them are written in the plain way.

Most files write most columns as we do: then one look at the whole column is enough. What is written
otherwise is read cell by cell, with the same result.

>>> plain("number", ["12.50", "3"]), plain("number", ["12,50"]) is None
(['12.50', '3'], True)
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from rapport.vendors.reading.cells import NOTHING, NOTHING_IN_TEXT
from rapport.vendors.reading.problems import Unreadable

# Cells that are canonical as they stand. Each ends with a NUL, which no cell holds. The quantifiers
# are possessive, so that a hostile cell is looked at once.
_PLAIN = {
    "number": r"(?:0|[1-9]\d{0,17}|-[1-9]\d{0,17})(?:\.\d{1,2})?",
    "integer": r"0|[1-9]\d{0,8}",
    "id": r"[A-Za-z#][\w#-]*+|[1-9]\d{0,17}",
    "email": r"[a-z0-9][a-z0-9._+-]*+@(?:[a-z0-9][a-z0-9-]*+\.)++[a-z]{2,20}",
    "text": r"[^\s='\0][^\0]*+(?<!\s)",
}
_WHOLE = {
    kind: re.compile(rf"(?>(?:{cell})\0)*+", 0 if kind == "text" else re.ASCII)
    for kind, cell in _PLAIN.items()
}
_TIMES = {
    "": re.compile(r"(?:\d{4}-\d\d-\d\d[ T]\d\d:[0-5]\d:[0-5]\d\0)*+", re.ASCII),
    "Z": re.compile(r"(?:\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\dZ\0)*+", re.ASCII),
}


def plain(kind: str, cells: Sequence[str]) -> list[str] | None:
    """The cells, if each is a canonical value of its kind as it stands; else None."""
    whole = _WHOLE.get(kind)
    if whole is None or not whole.fullmatch("\0".join((*cells, ""))):
        return None
    if kind == "text" and not NOTHING_IN_TEXT.isdisjoint(cells):
        return None
    if kind == "id" and not NOTHING.isdisjoint(cell.casefold() for cell in cells):
        return None
    return list(cells)


def without_lists(values: list[Any]) -> bool:
    """Whether no cell holds several addresses; a list of one becomes the one, in place."""
    for place, value in enumerate(values):
        if type(value) is list:
            if len(value) != 1:
                return False
            values[place] = value[0]
    return True


def store_differing(
    stored: Sequence[Any], name: str, values: Sequence[Any], given: Sequence[Any]
) -> None:
    """Put the values in `stored` that are not the text of their cell; an empty cell is nothing."""
    for place, (value, cell) in enumerate(zip(values, given, strict=True)):
        if value != cell:
            is_empty = value is None and cell == ""
            if not is_empty and not (type(cell) is int and str(cell) == value):
                stored[place][name] = value


class Hours:
    """Times of whole seconds: what is added to an hour is added to each of its seconds."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._known: dict[str, str] = {}

    def read(self, cells: Sequence[str]) -> list[str] | None:
        """Every time in UTC; None where the cells are written in another way."""
        text = "\0".join((*cells, ""))
        end = next((end for end, whole in _TIMES.items() if whole.fullmatch(text)), None)
        if end is None:
            return None
        known = self._known
        try:
            return [known[cell[:13] + end] + cell[13:19] + "Z" for cell in cells]
        except KeyError:
            pass
        hours = {cell[:13] for cell in cells}
        if not all(self._learn(hour, end) for hour in hours if hour + end not in known):
            return None
        return [known[cell[:13] + end] + cell[13:19] + "Z" for cell in cells]

    def _learn(self, hour: str, end: str) -> bool:
        """Whether the hour begins and ends in one hour of UTC."""
        try:
            first, last = self._read(f"{hour}:00:00{end}"), self._read(f"{hour}:59:59{end}")
        except Unreadable:
            return False
        if first is None or last is None or f"{first[:13]}:59:59Z" != last:
            return False
        if len(self._known) > 200_000:
            self._known.clear()
        self._known[hour + end] = first[:13]
        return first.endswith(":00:00Z")

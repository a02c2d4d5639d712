"""Reads a column of many cells at once, where all of them are written in the plain way.

Most files write most columns as we do: then one look at the whole column is enough. What is written
otherwise is read cell by cell, with the same result.

>>> is_plain("number", ["12.50", "3"]), is_plain("number", ["12,50"])
(True, False)
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from rapport.vendors.reading.cells import NOTHING, NOTHING_IN_TEXT
from rapport.vendors.reading.problems import Unreadable

_NOTHING = "|".join(re.escape(word) for word in NOTHING if word[0].isalpha() or word[0] == "#")
# Cells that are canonical as they stand. Each ends with a NUL, which no cell holds. The quantifiers
# are possessive, so that a hostile cell is looked at once.
_PLAIN = {
    "number": r"(?:0|[1-9]\d{0,17}|-[1-9]\d{0,17})(?:\.\d{1,2})?",
    "integer": r"0|[1-9]\d{0,8}",
    "id": rf"(?!(?i:{_NOTHING})\0)[A-Za-z#][\w#-]*+|[1-9]\d{{0,17}}",
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


def is_plain(kind: str, cells: Sequence[Any]) -> bool:
    """Whether each cell is a text that is a canonical value of its kind as it stands."""
    whole = _WHOLE.get(kind)
    if whole is None:
        return False
    try:
        text = "\0".join((*cells, ""))
    except TypeError:
        return False
    if not whole.fullmatch(text):
        return False
    return kind != "text" or NOTHING_IN_TEXT.isdisjoint(cells)


def without_lists(values: list[Any]) -> bool:
    """Whether no cell holds several addresses; a list of one becomes the one, in place."""
    for place, value in enumerate(values):
        if type(value) is list:
            if len(value) != 1:
                return False
            values[place] = value[0]
    return True


class Hours:
    """Times of whole seconds: what is added to an hour is added to each of its seconds."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        # The hour of UTC of each hour, by what ends its times.
        self._known: dict[str, dict[str, str]] = {end: {} for end in _TIMES}

    def read(self, cells: Sequence[Any]) -> list[str] | None:
        """Every time in UTC; None where the cells are written in another way."""
        try:
            text = "\0".join((*cells, ""))
        except TypeError:
            return None
        end = next((end for end, whole in _TIMES.items() if whole.fullmatch(text)), None)
        if end is None:
            return None
        known = self._known[end]
        if len(known) > 200_000:
            known.clear()
        unknown = {cell[:13] for cell in cells}.difference(known)
        if not all(self._learn(hour, end) for hour in unknown):
            return None
        if end:
            return [known[cell[:13]] + cell[13:] for cell in cells]
        return [f"{known[cell[:13]]}{cell[13:]}Z" for cell in cells]

    def _learn(self, hour: str, end: str) -> bool:
        """Whether the hour begins and ends in one hour of UTC."""
        try:
            first, last = self._read(f"{hour}:00:00{end}"), self._read(f"{hour}:59:59{end}")
        except Unreadable:
            return False
        if first is None or last is None or f"{first[:13]}:59:59Z" != last:
            return False
        self._known[end][hour] = first[:13]
        return first.endswith(":00:00Z")

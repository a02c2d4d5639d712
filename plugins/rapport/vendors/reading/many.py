"""Reads a column of many cells at once, where all of them are written in the plain way.

Most files write most columns as we do: then one look at the whole column is enough. What is written
otherwise is read cell by cell, with the same result.

>>> is_plain("number", ["12.50", "3"]), is_plain("number", ["12,50"])
(True, False)
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
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
_TIMES = re.compile(
    r"(?:\d{4}-\d\d-\d\d[ T]\d\d:[0-5]\d:[0-5]\d(?:Z| ?[+-]\d\d(?::?\d\d)?)?+\0)*+", re.ASCII
)
# From the first to the last second.
_DAY, _HOUR = timedelta(hours=23, minutes=59, seconds=59), timedelta(minutes=59, seconds=59)


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
        # The hour of UTC of each hour with what ends its times, such as an offset.
        self._known: dict[str, str] = {}

    def read(self, cells: Sequence[Any]) -> list[str] | None:
        """Every time in UTC; None where the cells are written in another way."""
        try:
            text = "\0".join((*cells, ""))
        except TypeError:
            return None
        if not _TIMES.fullmatch(text):
            return None
        has_ends = len(text) > 20 * len(cells)
        try:
            return self._in_utc(cells, has_ends)
        except KeyError:
            pass
        if len(self._known) > 200_000:
            self._known.clear()
        hours = {(cell[:13], cell[19:]) for cell in cells}
        if not all(self._learn(hour, end) for hour, end in hours):
            return None
        return self._in_utc(cells, has_ends)

    def _in_utc(self, cells: Sequence[str], has_ends: bool) -> list[str]:
        known = self._known
        if has_ends:
            return [f"{known[cell[:13] + cell[19:]]}{cell[13:19]}Z" for cell in cells]
        return [f"{known[cell[:13]]}{cell[13:]}Z" for cell in cells]

    def _learn(self, hour: str, end: str) -> bool:
        """Whether the hour is one in UTC, too; learns its day where no clock changes on it."""
        day = hour[:11]
        if hour + end in self._known:
            return True
        if midnight := self._start(day, "00:00:00", "23:59:59", _DAY, end):
            for number in range(24):
                moment = midnight + timedelta(hours=number)
                self._known[f"{day}{number:02}{end}"] = moment.isoformat()[:13]
        elif start := self._start(hour, ":00:00", ":59:59", _HOUR, end):
            self._known[hour + end] = start.isoformat()[:13]
        return hour + end in self._known

    def _start(
        self, part: str, first: str, last: str, length: timedelta, end: str
    ) -> datetime | None:
        """When a part of time begins, if it begins an hour and is as long in UTC."""
        try:
            start, stop = self._read(part + first + end), self._read(part + last + end)
        except Unreadable:
            return None
        if start is None or stop is None or not start.endswith(":00:00Z"):
            return None
        found = datetime.fromisoformat(start)
        return found if datetime.fromisoformat(stop) - found == length else None

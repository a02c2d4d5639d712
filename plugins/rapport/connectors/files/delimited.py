"""Rows of a CSV file: a broken one is set aside and costs no other.

A quoted cell may hold line breaks. A quote that is never closed would swallow what follows: then
only its own line is refused, and reading goes on with the next.

>>> [row.values for row in rows(iter([Line(1, b"a,b"), Line(2, b"1,2")]), Dataset(
...     path="x", format="csv", entity="orders"))]
[{'a': '1', 'b': '2'}]
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import LONGEST_LINE, Line

MOST_LINES = 200
_OPEN = "unexpected end of data"


def rows(lines: Iterator[Line], dataset: Dataset) -> Iterator[Row]:
    """The rows after the header; raises `FileError` for a header without a needed column."""
    reader = _Reader(lines, dataset)
    names = dataset.header if dataset.header is not True else reader.header()
    if names is None:
        return
    if missing := [name for name in dataset.needed if name not in names]:
        raise FileError(
            f"has no column {missing[0]}, which rapport.yml needs; it has {len(names)} columns"
        )
    while (taken := reader.next()) is not None:
        cells, problem, start = taken
        if problem is None and len(cells) != len(names):
            problem = f"{len(cells)} columns instead of {len(names)}"
        if problem is not None:
            yield Row(start.number, start.content, problem=problem)
        else:
            yield Row(start.number, start.content, dict(zip(names, cells, strict=True)))


class _Reader:
    def __init__(self, lines: Iterator[Line], dataset: Dataset) -> None:
        self._lines = lines
        self._put_back: deque[Line] = deque()
        self._delimiter = dataset.delimiter
        self._quote = dataset.quote
        self._encoding = dataset.encoding

    def header(self) -> Sequence[str] | None:
        """The names in the first line; None for an empty file."""
        taken = self.next()
        if taken is None:
            return None
        names, problem, _ = taken
        names = [name.strip() for name in names]
        if problem or "" in names or len(set(names)) < len(names):
            raise FileError(f"has no good header: {problem or 'a name is empty or repeated'}")
        return names

    def next(self) -> tuple[list[str], str | None, Line] | None:
        """Cells, problem, and the line that it is about with all that belongs to the row."""
        line = self._line()
        if line is None:
            return None
        taken, text = [line], ""
        while True:
            problem = taken[-1].problem
            if problem is None:
                try:
                    text += taken[-1].content.decode(self._encoding)
                    cells = self._cells(text)
                except UnicodeDecodeError:
                    problem = f"not {self._encoding}"
                except csv.Error as error:
                    problem = str(error)
                else:
                    return cells, None, Line(line.number, b"\n".join(t.content for t in taken))
            is_open = problem == _OPEN and len(taken) < MOST_LINES and len(text) < LONGEST_LINE
            follows = self._line() if is_open else None
            if follows is None:
                self._put_back.extendleft(reversed(taken[1:]))
                reason = "a quote is not closed" if len(taken) > 1 or problem == _OPEN else problem
                return [], reason, line
            taken.append(follows)
            text += "\n"

    def _cells(self, text: str) -> list[str]:
        if self._delimiter == "whitespace":
            return text.split()
        if self._quote is None or self._quote not in text:
            return text.split(self._delimiter)
        return next(
            csv.reader([text], delimiter=self._delimiter, quotechar=self._quote, strict=True)
        )

    def _line(self) -> Line | None:
        return self._put_back.popleft() if self._put_back else next(self._lines, None)

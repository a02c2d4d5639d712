"""The rows of a CSV file with their cells, as RFC 4180 has them, with any delimiter and quote.

A row ends where its quote ends, however many lines that takes. A quote that is never closed costs
its own line only. Lines are read in bulk, and one by one where something is wrong with one of them.

>>> rows = Cells(iter([[Line(1, b'a,"b'), Line(2, b'c"')]]), Dialect(",", '"', "utf-8"))
>>> [cells for line, cells in rows]
[['a', 'b\\nc']]
"""

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from rapport.connectors.files.csv_tables import FileTable
from rapport.connectors.files.encodings import not_readable
from rapport.connectors.files.held_lines import Held
from rapport.connectors.files.text import LONGEST_LINE, Block, Line, Text

MOST, FEWEST = 4096, 8  # lines that are read at once; fewer after one that is wrong
OPEN = "a quote is not closed"
ESCAPED = "a quote is escaped with a backslash. Export the file with quotes written twice"
WHITESPACE = "whitespace"
_RETURN = "\x00"  # a line with NUL is never read
_UNTIL_THE_END = "unexpected end of data"
csv.field_size_limit(max(csv.field_size_limit(), 2 * LONGEST_LINE))


class Dialect(NamedTuple):
    """How rows are written; `stored` is the encoding of the file, where lines have another."""

    delimiter: str
    quote: str | None
    encoding: str
    stored: str | None = None


TableOf = Callable[[Text], FileTable | None]


class Cells(Iterator[tuple[Line, list[str]]]):
    """Each row as a line, whose content is that of all its lines, and its cells.

    A row that cannot be read has a `problem` and no cells. Blank lines between rows come as such.
    """

    def __init__(self, blocks: Iterator[Block], dialect: Dialect) -> None:
        self._held = Held(blocks)
        self._most = MOST
        self._unreadable: str | None = None
        self._table_of: TableOf | None = None
        self._rows: Iterator[Any] = itertools.chain.from_iterable(self._blocks())
        self.dialect = dialect

    def __iter__(self) -> Iterator[tuple[Line, list[str]]]:
        return self._rows

    def __next__(self) -> tuple[Line, list[str]]:
        row: tuple[Line, list[str]] = next(self._rows)
        return row

    def with_tables(self, table_of: TableOf | None) -> Iterator[tuple[Line, list[str]] | FileTable]:
        """What follows. Lines of which `table_of` can make a table come as one."""
        self._table_of = table_of
        return self._rows

    def _blocks(self) -> Iterator[Iterator[Any]]:
        while True:
            if self._table_of is not None and (text := self._held.text()) is not None:
                if (table := self._table_of(text)) is not None:
                    yield iter((table,))
                    continue
                self._held.hold(text)
            if not (batch := self._held.first(self._most)):
                break
            rows, cells, used = self._in_bulk(batch)
            self._held.drop(used)
            yield zip(rows, cells, strict=True)
            if used < len(batch):
                yield iter((self._one(),))
                self._most = FEWEST
            else:
                self._most = min(2 * self._most, MOST)
        if self._held.damage is not None:
            raise self._held.damage

    def _in_bulk(self, batch: list[Line]) -> tuple[list[Line], list[list[str]], int]:
        """The rows, their cells, and how many lines they take; less than all where one is wrong."""
        good = next((at for at, line in enumerate(batch) if line[2] is not None), len(batch))
        data = b"\n".join([line[1] for line in batch[:good]])
        try:
            text = data.decode(self.dialect.encoding)
        except UnicodeDecodeError as error:
            good = data.count(b"\n", 0, error.start)
            data = b"\n".join([line[1] for line in batch[:good]])
            text = data.decode(self.dialect.encoding)
        if not good:
            return [], [], 0
        batch = batch[:good]
        delimiter, quote = self.dialect[:2]
        if delimiter != WHITESPACE and quote is not None and quote in text:
            return self._quoted(batch, text)
        parts = text.split("\n")
        if len(parts) != good:
            return [], [], 0
        if delimiter == WHITESPACE:
            return batch, [part.split() for part in parts], good
        return batch, [part.split(delimiter) for part in parts], good

    def _quoted(self, batch: list[Line], text: str) -> tuple[list[Line], list[list[str]], int]:
        if "\r" in text:
            taken_rows, cells_of, count = self._quoted(batch, _hidden(text))
            return taken_rows, list(map(_shown, cells_of)), count
        rows: list[Line] = []
        found: list[list[str]] = []
        used = 0
        try:
            found = list(self._reader(io.StringIO(text, newline="\n")))
        except csv.Error:
            found = []
        if len(found) == len(batch):
            return batch, found, len(batch)
        found = []
        reader = self._reader(io.StringIO(text, newline="\n"))
        try:
            for cells in reader:
                taken = batch[used : reader.line_num]
                used = reader.line_num
                if len(taken) > 1 and any(line.end != b"\n" for line in taken):
                    cells = self._parsed(taken)
                rows.append(taken[0] if len(taken) == 1 else _joined(taken))
                found.append(cells)
        except csv.Error:
            pass
        return rows, found, used

    def _reader(self, texts: Iterator[str]) -> Any:
        return csv.reader(
            texts, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote, strict=True
        )

    def _parsed(self, lines: list[Line]) -> list[str]:
        cells: list[str] = next(self._reader(self._text(line) for line in lines))
        return _shown(cells)

    def _text(self, line: Line) -> str:
        """A line with its end; what cannot be read is replaced, for the search of a quote only."""
        text = line.content.decode(self.dialect.encoding, "replace").replace("\x00", "\ufffd")
        return _hidden(text) + line.end.decode("ascii")

    def _one(self) -> tuple[Line, list[str]]:
        """The next row, which takes care."""
        (first,) = self._held.first(1)
        delimiter, quote = self.dialect[:2]
        if delimiter == WHITESPACE or quote is None or first.is_too_long:
            self._held.drop(1)
            if problem := self._problem([first]):
                return first._replace(problem=problem), []
            text = self._text(first).rstrip("\r\n").replace(_RETURN, "\r")
            return first, text.split() if delimiter == WHITESPACE else text.split(delimiter)
        search = self._held.search(LONGEST_LINE)
        try:
            next(self._reader(self._text(line) for line in search))
        except csv.Error as error:
            search.fails()
            if search.is_open and self._held.damage is not None:
                raise self._held.damage from None
            self._held.drop(1)
            return first._replace(problem=self._reason(first, search.is_open, error)), []
        taken = self._held.first(search.lines)
        self._held.drop(search.lines)
        row = taken[0] if len(taken) == 1 else _joined(taken)
        if problem := self._problem(taken):
            return row._replace(problem=problem), []
        return row, self._parsed(taken)

    def _reason(self, line: Line, is_open: bool, error: csv.Error) -> str:
        if problem := self._problem([line]):
            return problem
        if is_open or str(error) == _UNTIL_THE_END:
            return OPEN
        return ESCAPED if f"\\{self.dialect.quote}" in self._text(line) else str(error)

    def _problem(self, lines: list[Line]) -> str | None:
        for line in lines:
            if line.problem is not None:
                return line.problem
            if not self._is_readable(line):
                if self._unreadable is None:
                    near = [one.content for one in (*lines, *self._held.first(200))
                            if not self._is_readable(one)]  # fmt: skip
                    stored = self.dialect.stored or self.dialect.encoding
                    self._unreadable = not_readable(stored, b"\n".join(near))
                return self._unreadable
        return None

    def _is_readable(self, line: Line) -> bool:
        try:
            line.content.decode(self.dialect.encoding)
        except UnicodeDecodeError:
            return False
        return True


def _hidden(text: str) -> str:
    """The text with a sign in place of carriage returns, which the csv module takes for an end."""
    return text.replace("\r", _RETURN) if "\r" in text else text


def _shown(cells: list[str]) -> list[str]:
    return [cell.replace(_RETURN, "\r") for cell in cells]


def _joined(lines: list[Line]) -> Line:
    """One line for a row of several. Blank ones belong to its cells and not to its bytes."""
    content = b"\n".join([line.content for line in lines if line.content.strip()])
    return Line(lines[0].number, content)

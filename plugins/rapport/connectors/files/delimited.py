"""Rows of a CSV file: a broken one is set aside and costs no other.

The names stand in the first line, in the line `header_row`, or in rapport.yml. A first line `sep=;`
says the delimiter, as it does to Excel. Cells that are left over at the end of a row are no problem
while they are empty; a row with too few cells is one, since it may be cut off.

>>> [dict(row.values) for row in rows(iter([Line(1, b"a,b"), Line(2, b"1,2")]), Dataset(
...     path="x", format="csv", entity="orders"))]
[{'a': '1', 'b': '2'}]
"""

import itertools
import re
from collections import deque
from collections.abc import Iterator, Sequence

from rapport.connectors.files import csv_tables, headers
from rapport.connectors.files.cells import MOST, Cells, Dialect
from rapport.connectors.files.columns import refuse_missing
from rapport.connectors.files.csv_tables import FileTable
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Block, Line, Lines, Text

_SEP = re.compile(rb'"?sep=(.)"?')
LOOKED_AT = 20  # rows below the header in which the names may stand instead
_BLANKS = b" \t\r\n\x0b\x0c\x1a"  # DOS ends files with the last


def rows(
    lines: Iterator[Line], dataset: Dataset, needed: Sequence[str] | None = None
) -> Iterator[Row]:
    """The rows after the header; raises `FileError` for a header without a needed column."""
    for found in rows_and_tables(lines, dataset, needed, has_tables=False):
        assert isinstance(found, Row)
        yield found


def rows_and_tables(
    lines: Iterator[Line],
    dataset: Dataset,
    needed: Sequence[str] | None = None,
    *,
    has_tables: bool = True,
) -> Iterator[Row | FileTable]:
    """As `rows`; where many rows are plain, they come as one table."""
    dialect = _dialect(lines, dataset)
    if dataset.skip_foot:
        lines = _without_foot(lines, dataset.skip_foot)
    blocks, delimiter = _after_head(_blocks(lines), dataset.header_row)
    if delimiter is not None:
        dialect = dialect._replace(delimiter=delimiter)
    cells = Cells(blocks, dialect)
    blanks = _BLANKS.replace(dialect.delimiter.encode()[:1], b"")
    needed = dataset.needed if needed is None else needed
    if dataset.header is True:
        names, least = _header(cells, needed)
    else:
        names, least = list(dataset.header), len(dataset.header)
        refuse_missing(names, needed, "the list under `header`")
    table_of = csv_tables.reader(names, *dialect[:3]) if has_tables else None
    return _rows(cells.with_tables(table_of), names, least, blanks)


def _blocks(lines: Iterator[Line]) -> Iterator[Block]:
    if isinstance(lines, Lines):
        return lines.blocks
    return iter(lambda: list(itertools.islice(lines, MOST)), [])


def _rows(
    cells: Iterator[tuple[Line, list[str]] | FileTable], names: list[str], least: int, blanks: bytes
) -> Iterator[Row | FileTable]:
    width = len(names)
    for one in cells:
        if isinstance(one, FileTable):
            yield one
            continue
        line, found = one
        number, original, problem, _ = line
        if len(found) == width and (width > 1 or original.strip(blanks)):
            yield Row(number, original, dict(zip(names, found, strict=False)))
        elif problem is not None:
            yield Row(number, original, problem=problem)
        elif not original.strip(blanks):
            continue
        elif len(found) >= least and not any(found[width:]):
            yield Row(number, original, dict(zip(names, found, strict=False)))
        else:
            yield Row(number, original, problem=_miscounted(original, len(found), least))


def _miscounted(original: bytes, found: int, least: int) -> str:
    said = f"{found} columns instead of {least}"
    if found == 1:
        for sign, name in headers.DELIMITERS.items():
            if original.count(sign.encode()) == least - 1:
                return f"{said}; there are {least} with `delimiter: {name}`"
    return said


def _dialect(lines: Iterator[Line], dataset: Dataset) -> Dialect:
    """The dialect, with the encoding that the file turned out to have."""
    encoding, stored = dataset.encoding, None
    if isinstance(lines, Lines) and lines.encoding is not None:
        encoding, stored = lines.encoding, lines.stored
    return Dialect(dataset.delimiter, dataset.quote, encoding, stored)


def _header(cells: Cells, needed: Sequence[str]) -> tuple[list[str], int]:
    """The names, and how many cells a row has at least; no names for an empty file."""
    for line, found in cells:
        if line.problem is not None:
            raise FileError(f"has no good header: line {line.number}: {line.problem}")
        if any(found):
            try:
                return headers.names_of(found, needed, line.number), headers.fewest(found)
            except FileError:
                below = itertools.islice(cells, LOOKED_AT)
                headers.refuse_later(((line.number, row) for line, row in below), needed)
                raise
    return [], 0


def _after_head(blocks: Iterator[Block], header_row: int) -> tuple[Iterator[Block], str | None]:
    """The lines from the header on, and the delimiter that a line before it says."""
    delimiter = None
    number = 0
    for block in blocks:
        lines = block.lines() if isinstance(block, Text) else block
        for count, line in enumerate(lines, 1):
            if (said := _SEP.fullmatch(line.content)) is not None:
                delimiter = said[1].decode("latin-1")
            elif line.number >= header_row:
                rest = block.after(count) if isinstance(block, Text) else lines[count:]
                return itertools.chain(([line], rest or []), blocks), delimiter
            number = line.number
    if number and header_row > 1:
        raise FileError(f"has no header at line {header_row}: its last line is {number}")
    return iter(()), delimiter


def _without_foot(lines: Iterator[Line], count: int) -> Iterator[Line]:
    """The lines but the last ones, counted from the last one that is not blank."""
    held: deque[Line] = deque()
    blank: list[Line] = []
    for line in lines:
        if not line.content.strip():
            blank.append(line)
            continue
        held.extend((*blank, line))
        blank.clear()
        while len(held) > count:
            yield held.popleft()

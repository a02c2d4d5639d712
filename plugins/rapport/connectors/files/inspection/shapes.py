"""How the text of a table is laid out: its delimiter, its header, and the lines around the table.

>>> shape_of("Report;;\\nid;sum;when\\n1;2,50;01.02.2026\\n2;3,50;02.02.2026\\n", is_whole=True)
Shape(delimiter=';', header=True, header_row=2, skip_foot=0, doubts=())
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

DELIMITERS = (",", ";", "\t", "|")
NAMES = {"\t": "tab"}
MOST_ROWS, MOST_ABOVE, MOST_BELOW = 400, 20, 5
_NUMBER = re.compile(r"[-+(]?[€$£]?\s?\d[\d.,' \u00a0]*%?\)?")
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_TOTAL = re.compile(r"(grand\s*)?(total|summe|gesamt|somme|suma)\b", re.IGNORECASE)
_SECOND_HEADER = ("Response", "Open-Ended Response")


class Shape(NamedTuple):
    """What `delimiter`, `header`, `header_row` and `skip_foot` of a dataset are to be."""

    delimiter: str = ","
    header: Literal[True] | tuple[str, ...] = True
    header_row: int = 1
    skip_foot: int = 0
    doubts: tuple[str, ...] = ()


class Cells(NamedTuple):
    """A row, and the number of its first line."""

    line: int
    cells: list[str]


def shape_of(text: str, *, is_whole: bool) -> Shape:
    """The layout of a delimited text; `is_whole` says that nothing follows it in the file."""
    declared = re.match(r"sep=(.)\r?\n", text, re.IGNORECASE)
    if declared:
        delimiter, rows = declared[1], _rows(text, declared[1])[1:]
    else:
        delimiter, rows = _best(text)
    if not is_whole:
        rows = rows[:-1] or rows
    shape = table_of(rows, is_whole=is_whole)
    return shape._replace(delimiter=NAMES.get(delimiter, delimiter))


def table_of(rows: Sequence[Cells], *, is_whole: bool) -> Shape:
    """The header of a table and the lines around it; the delimiter is left as it is."""
    rows = [row for row in rows if any(cell.strip() for cell in row.cells)]
    if not rows:
        return Shape()
    width = _width(rows)
    start = next(
        (n for n, row in enumerate(rows[:MOST_ABOVE]) if _is_full(row, width)),
        next((n for n, row in enumerate(rows) if len(row.cells) == width), 0),
    )
    first, below = rows[start], rows[start + 1 :]
    foot = _foot(below, width) if is_whole and width > 1 else 0
    if _looks_like_data(first.cells):
        names = tuple(f"column_{n}" for n in range(1, width + 1))
        doubt = "the file has no line of names: name the columns in `header`"
        return Shape(",", names, first.line, foot, (doubt,))
    names = tuple(cell.strip() for cell in first.cells)
    data = _first_data(below)
    if data > 0:
        said = "more than one line of names: `header` has those of the first"
        return Shape(",", _distinct(names), below[data].line, foot, (said,))
    if len(set(names)) < len(names) or "" in names:
        line = below[0].line if below else first.line + 1
        said = "a column has no name, or two have the same: the names under `header` are made up"
        return Shape(",", _distinct(names), line, foot, (said,))
    return Shape(",", True, first.line, foot)


def _best(text: str) -> tuple[str, list[Cells]]:
    """The delimiter under which most rows have the same number of cells, more than one."""
    scored = []
    for delimiter in DELIMITERS:
        rows = _rows(text, delimiter)
        filled = [row for row in rows if any(row.cells)]
        width = _width(filled) if filled else 1
        share = sum(len(row.cells) == width for row in filled) / max(len(filled), 1)
        scored.append((width > 1 and share >= 0.5, round(share, 1), width, delimiter, rows))
    is_good, _, _, delimiter, rows = max(scored, key=lambda found: found[:3])
    if is_good:
        return delimiter, rows
    blank = [
        Cells(number, line.split())
        for number, line in enumerate(text.splitlines()[:MOST_ROWS], start=1)
        if line.strip()
    ]
    width = _width(blank) if blank else 1
    if width > 1 and all(len(row.cells) == width for row in blank[:-1]):
        return "whitespace", blank
    return ",", _rows(text, ",")


def _rows(text: str, delimiter: str) -> list[Cells]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[Cells] = []
    line = 1
    try:
        for cells in reader:
            rows.append(Cells(line, cells))
            line = reader.line_num + 1
            if len(rows) >= MOST_ROWS:
                break
    except csv.Error:
        pass
    return rows


def _width(rows: Sequence[Cells]) -> int:
    """The number of cells that most rows have; of equally many, the larger one."""
    counted = Counter(len(row.cells) for row in rows)
    return max(counted, key=lambda width: (counted[width], width))


def _is_full(row: Cells, width: int) -> bool:
    return len(row.cells) == width and sum(bool(cell.strip()) for cell in row.cells) > 0.7 * width


def _looks_like_data(cells: Sequence[str]) -> bool:
    return any(_NUMBER.fullmatch(cell) or _TIME.fullmatch(cell) or "@" in cell for cell in cells)


def _first_data(below: Sequence[Cells]) -> int:
    """How many more lines of names follow the first, as Qualtrics and SurveyMonkey write them."""
    for number, row in enumerate(below[:3]):
        if any(cell.startswith('{"ImportId"') for cell in row.cells):
            return min(number + 1, len(below) - 1)
    if len(below) < 2 or below[0].cells[0].strip():
        return 0
    return int(any(cell.strip() in _SECOND_HEADER for cell in below[0].cells))


def _foot(below: Sequence[Cells], width: int) -> int:
    """How many lines at the end are no rows: sums, and notes with fewer cells."""
    lines = 0
    for row in reversed(below[-MOST_BELOW:]):
        is_short = sum(bool(cell.strip()) for cell in row.cells) <= max(1, width // 3)
        if len(row.cells) == width and not (is_short or _TOTAL.match(row.cells[0].strip())):
            break
        if not _TOTAL.match(row.cells[0].strip()) and len(row.cells) != 1:
            break
        lines += 1
    return lines


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for number, name in enumerate(names, start=1):
        name = name or f"column_{number}"
        found.append(name if name not in found else f"{name}_{number}")
    return tuple(found)

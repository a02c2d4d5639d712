"""Rows of a table whose cells are read already: of a workbook or of a Google sheet.

>>> cells = [["Report"], [], ["id", "sum"], ["1", "5"], ["Total", "5"]]
>>> dataset = Dataset(path="x", format="sheet", entity="orders", header_row=3, skip_foot=1)
>>> [dict(row.values) for row in rows(iter(cells), dataset, ("id",))]
[{'id': '1', 'sum': '5'}]
"""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from decimal import Decimal

from rapport.connectors.files import headers
from rapport.connectors.files.columns import refuse_missing
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.vendors.reading.numbers_in_json import as_json

Cells = list[str | Decimal | None]
Numbered = tuple[int, Cells]
LOOKED_AT = 20  # rows below the header in which the names may stand instead


def rows(cells: Iterator[Cells], dataset: Dataset, needed: Sequence[str]) -> Iterator[Row]:
    """The rows below the header, without blank ones.

    Raises `FileError` for a header without a needed column.
    """
    numbered: Iterator[Numbered] = (
        (number, row)
        for number, row in enumerate(cells, 1)
        if any(cell is not None for cell in row)
    )
    if dataset.skip_foot:
        numbered = _without_foot(numbered, dataset.skip_foot)
    numbered = itertools.dropwhile(lambda one: one[0] < dataset.header_row, numbered)
    if dataset.header is True:
        header = next(numbered, None)
        if header is None:
            if dataset.header_row > 1:
                raise FileError(f"has no header at row {dataset.header_row}, and no row below it")
            return
        names = _names(header, numbered, needed)
        named = {name for name, given in zip(names, header[1], strict=True) if given}
    else:
        names = list(dataset.header)
        named = set(names)
        refuse_missing(names, needed, "the list under `header`")
    for number, row in numbered:
        original = as_json(row)
        if any(cell is not None for cell in row[len(names) :]):
            yield Row(number, original, problem=f"{_width(row)} columns instead of {len(names)}")
            continue
        full = [*row, *[None] * (len(names) - len(row))]
        values = {
            name: cell
            for name, cell in zip(names, full, strict=False)
            if cell is not None or name in named
        }
        yield Row(number, original, values)


def _names(header: Numbered, below: Iterator[Numbered], needed: Sequence[str]) -> list[str]:
    number, cells = header
    try:
        return headers.names_of(list(map(_name, cells)), needed, number, "row")
    except FileError:
        headers.refuse_later(
            ((at, list(map(_name, row))) for at, row in itertools.islice(below, LOOKED_AT)),
            needed,
            "row",
        )
        raise


def _name(cell: str | Decimal | None) -> str:
    return "" if cell is None else str(cell)


def _width(row: Cells) -> int:
    return max(place for place, cell in enumerate(row, 1) if cell is not None)


def _without_foot(numbered: Iterator[Numbered], count: int) -> Iterator[Numbered]:
    """The rows but the last ones; blank rows between count, as they do in the sheet."""
    held: deque[Numbered] = deque()
    for one in numbered:
        held.append(one)
        while held and one[0] - held[0][0] >= count:
            yield held.popleft()

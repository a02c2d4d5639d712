"""Sheets: what the spreadsheet shows is what is read, and no workbook fills the memory."""

import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from tests.connectors.files.workbooks import Raw, ods, ods_row, serial, xlsx

from rapport.connectors.files import formats, sheet_sizes
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The cells with numbers as they are written."""
    return {
        name: f"{cell:f}" if isinstance(cell, Decimal) else cell for name, cell in values.items()
    }


def rows(content: bytes, *needed: str, **options: Any) -> list[Row]:
    dataset = Dataset(**{"path": "x", "format": "sheet", "entity": "orders", **options})
    return list(formats.rows(io.BytesIO(content), dataset, needed))


def refused(content: bytes, *needed: str, **options: Any) -> str:
    with pytest.raises(FileError) as caught:
        rows(content, *needed, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("O-1", "O-1"),
        ("<Ä & ö>", "<Ä & ö>"),
        (12, "12"),
        (12.0, "12"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.3"),
        (19.99, "19.99"),
        (1450000.5, "1450000.5"),
        (1e-7, "0.0000001"),
        (123456789012345, "123456789012345"),
        (True, "true"),
        (False, "false"),
        (serial(0.12, 3), "0.12"),
        (serial(46082, 1), "2026-03-01"),
        (serial(46082.520833333336, 2), "2026-03-01T12:30:00"),
        (serial(46082.5208333, 2), "2026-03-01T12:30:00"),
        (serial(0.520833333333333, 4), "12:30:00"),
        (serial(1.5, 5), "36:00:00"),
        (Raw(' t="e"', "<v>#N/A</v>"), None),
        (Raw("", "<f>1+1</f><v>2</v>"), "2"),
        (Raw(' t="str"', "<f>A1</f><v>shown</v>"), "shown"),
        (Raw(' t="s"', "<v>1</v>"), "shared"),
        (Raw(' t="d"', "<v>2026-03-01T12:30:00</v>"), "2026-03-01T12:30:00"),
        (None, None),
    ],
)
def test_a_cell_is_what_the_sheet_shows(cell: Any, text: str | None) -> None:
    (row,) = rows(xlsx({"S": [["id", "a"], [1, cell]]}, shared=["not", "shared"]), "id", "a")
    assert shown(row.values) == {"id": "1", "a": text}


SHEET = [
    ["Report of March"], [], ["id", "sum", None, "note", None], [1, 2.5, None, "x", None], [],
    [2, 3, "beside", None], ["Total", 5.5], [],
]  # fmt: skip


def test_titles_feet_and_blank_rows_are_no_rows() -> None:
    found = rows(xlsx({"S": SHEET}), "id", "note", header_row=3, skip_foot=1)
    assert [(row.number, shown(row.values)) for row in found] == [
        (4, {"id": "1", "sum": "2.5", "note": "x"}),
        (6, {"id": "2", "sum": "3", "column_3": "beside", "note": None}),
    ]
    assert found[0].original == b'[1,2.5,null,"x"]'


def test_a_header_further_down_is_found_and_said() -> None:
    assert refused(xlsx({"S": SHEET}), "id") == "has its header in row 3. Write `header_row: 3`"


def test_given_names_stand_for_the_header() -> None:
    content = xlsx({"S": [[1, 2], [3, 4, 5]]})
    found = rows(content, "a", header=["a", "b"])
    assert shown(found[0].values) == {"a": "1", "b": "2"}
    assert found[1].problem == "3 columns instead of 2"


def test_a_sheet_is_chosen_by_name_or_the_first_that_is_shown() -> None:
    content = xlsx({"Old": [["id"], [1]], "New": [["id"], [2]]}, hidden=["Old"])
    assert shown(rows(content)[0].values) == {"id": "2"}
    assert shown(rows(content, sheet="Old")[0].values) == {"id": "1"}
    assert refused(content, sheet="Older") == "has no sheet Older; it has: Old, New"
    assert "has no column sum, which rapport.yml needs; row 1 has 1 column" in refused(
        content, "sum"
    )


def test_an_empty_sheet_has_no_rows() -> None:
    assert rows(xlsx({"S": []}), "id") == []


def test_ods_is_read_like_xlsx() -> None:
    blank = '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
    blank += 'table:number-columns-repeated="16384"/></table:table-row>'
    date = '<table:table-row><table:table-cell office:value-type="float" office:value="2"/>'
    date += '<table:table-cell office:value-type="date" office:date-value="2026-03-01T12:30:00"/>'
    content = ods({"S": ods_row("id", "a") + ods_row(1, "ö") + date + "</table:table-row>" + blank})
    assert [shown(row.values) for row in rows(content, "id", "a")] == [
        {"id": "1", "a": "ö"}, {"id": "2", "a": "2026-03-01T12:30:00"},
    ]  # fmt: skip


TEXTS = "".join(f'<row r="{at}"><c r="A{at}" t="s"><v>0</v></c></row>' for at in range(1, 30_000))
REPEATED = (
    '<table:table-row table:number-rows-repeated="9999"><table:table-cell office:value="1" '
    'office:value-type="float" table:number-columns-repeated="16000"/></table:table-row>'
)
BOMBS = {
    "a cell in the last corner": xlsx(
        {"S": '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'}
    ),
    "a text in many cells": xlsx({"S": TEXTS}, shared=["x" * 30_000]),
    "a row that is repeated": ods({"S": ods_row(*[1] * 50, repeated=1_000_000)}),
    "a cell that is repeated": ods({"S": REPEATED}),
    "a text without end": xlsx({"S": []}, shared=["x" * 20_000_000]),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_small_workbook_that_unpacks_to_a_large_one_is_refused(kind: str) -> None:
    assert len(BOMBS[kind]) < 200_000
    said = refused(BOMBS[kind])
    assert said.startswith("is a workbook that h")
    assert said.endswith("Save the sheet as CSV")


def test_a_workbook_that_compresses_well_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_sizes, "LARGEST", 4 * 1024**2)
    content = xlsx({"S": [["id"], *[["x" * 1000]] * 5000]})
    assert "unpacks to more than 4 MB" in refused(content)


def test_a_sheet_with_more_cells_than_are_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_sizes, "MOST_CELLS", 20)
    assert len(rows(xlsx({"S": [["id"], *[[1]] * 19]}))) == 19
    assert "has 21 cells up to the last one" in refused(xlsx({"S": [["id"], *[[1]] * 20]}))
    assert "has 21 cells up to the last one" in refused(ods({"S": ods_row(1, repeated=21)}))


def test_formatted_cells_without_a_value_are_not_counted() -> None:
    data = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert len(rows(xlsx({"S": data}), header=["a"])) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"id,sum\n", "is no workbook. Save it as .xlsx or .ods, or write `format: csv`"),
        (b"\xd0\xcf\x11\xe0", "is no workbook"),
        (xlsx({"S": SHEET})[:-100], "is cut off or damaged"),
        (b"PK\x03\x04", "is cut off or damaged"),
    ],
)
def test_what_is_no_workbook_is_refused(content: bytes, reason: str) -> None:
    assert reason in refused(content)

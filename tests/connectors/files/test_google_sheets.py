"""Google sheets: values as they are, whatever country the sheet is written for."""

import importlib.util
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from rapport.connectors.files import formats, google_sheets
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.google_sheets import GoogleSheet
from rapport.connectors.files.places import FileError
from rapport.errors import ConfigError, RetryLater

# Each cell as Google answers it with SERIAL_NUMBER and with FORMATTED_STRING, in a German sheet.
Both = tuple[Any, Any]


class Google:
    """The Sheets API as the provider's hook shows it: rows and cells at the end that are empty are
    left out, and a range is answered as far as it is filled.
    https://developers.google.com/sheets/api/reference/rest/v4/spreadsheets.values
    """

    def __init__(self, sheets: Mapping[str, list[list[Both]]], room: int = 1000) -> None:
        self.sheets, self.room = sheets, room
        self.asked: list[str] = []

    def get_spreadsheet(self, spreadsheet_id: str) -> Any:
        assert spreadsheet_id == "1aB"
        chart = {"properties": {"title": "Chart", "sheetType": "OBJECT"}}
        grids = [
            {"properties": {"title": title, "sheetType": "GRID",
                            "gridProperties": {"rowCount": self.room, "columnCount": 26}}}
            for title in self.sheets
        ]  # fmt: skip
        return {"sheets": [chart, *grids]}

    def get_values(
        self,
        spreadsheet_id: str,
        range_: str,
        *,
        value_render_option: str,
        date_time_render_option: str,
    ) -> list[list[Any]]:
        assert value_render_option == "UNFORMATTED_VALUE"
        self.asked.append(range_)
        title, _, part = range_.rpartition("!")
        first, last = map(int, part.split(":"))
        place = ["SERIAL_NUMBER", "FORMATTED_STRING"].index(date_time_render_option)
        found = [
            [both[place] for both in row]
            for row in self.sheets[title[1:-1].replace("''", "'")][first - 1 : last]
        ]
        while found and not any(cell != "" for cell in found[-1]):
            found.pop()
        return found


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The cells with numbers as they are written."""
    return {
        name: f"{cell:f}" if isinstance(cell, Decimal) else str(cell) if type(cell) is int else cell
        for name, cell in values.items()
    }


def same(*cells: Any) -> list[Both]:
    return [(cell, cell) for cell in cells]


ORDERS = [
    same("id", "betrag", "am", "um"),
    [("O-1", "O-1"), (1234.56, 1234.56), (46082, "01.03.2026"), (0.5208333333, "12:30")],
    [],
    [(2, 2), ("1.234,56", "1.234,56"), (46082.520833333336, "01.03.2026 12:30:00")],
    same("#N/A", True, "", "x"),
]  # fmt: skip


def read(google: Google, *needed: str, **options: Any) -> list[tuple[int, dict[str, Any]]]:
    given = {"path": "1aB", "format": "google_sheet", "entity": "orders", **options}
    dataset = Dataset(**given)
    with GoogleSheet(dataset.path, dataset.sheet, google).open() as file:
        return [(row.number, shown(row.values)) for row in formats.rows(file, dataset, needed)]


def test_numbers_and_dates_are_read_whatever_the_sheet_shows() -> None:
    assert read(Google({"Bestellungen": ORDERS}), "id", "betrag") == [
        (2, {"id": "O-1", "betrag": "1234.56", "am": "2026-03-01", "um": "12:30:00"}),
        (4, {"id": "2", "betrag": "1.234,56", "am": "2026-03-01T12:30:00", "um": None}),
        (5, {"id": None, "betrag": "true", "am": None, "um": "x"}),
    ]


def test_a_large_sheet_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_sheets, "ROWS_AT_ONCE", 2)
    google = Google({"it's": ORDERS}, room=7)
    assert [number for number, _ in read(google, sheet="it's")] == [2, 4, 5]
    assert google.asked[::2] == ["'it''s'!1:2", "'it''s'!3:4", "'it''s'!5:6", "'it''s'!7:7"]


def test_a_sheet_is_chosen_by_name() -> None:
    google = Google({"A": [same("id"), same("a")], "B": [same("id"), same("b")]})
    assert read(google)[0][1] == {"id": "a"}
    assert read(google, sheet="B")[0][1] == {"id": "b"}
    with pytest.raises(FileError, match="has no sheet C; it has: A, B"):
        read(google, sheet="C")


def test_a_sheet_that_has_changed_has_another_stamp() -> None:
    sheets = {"A": [same("id"), same("a")]}
    before = GoogleSheet("1aB", None, Google(sheets)).stamp()
    assert GoogleSheet("1aB", None, Google(sheets)).stamp() == before
    sheets["A"].append(same("b"))
    assert GoogleSheet("1aB", None, Google(sheets)).stamp() != before


class HttpError(Exception):
    """As that of googleapiclient."""

    def __init__(self, status: int) -> None:
        super().__init__("<HttpError with the address of the sheet>")
        self.status_code = status


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (403, FileError, "share the sheet"),
        (404, FileError, "Check the id"),
        (503, RetryLater, "503"),
    ],
)
def test_a_refusal_of_google_says_what_to_do(
    status: int, kind: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = Google({"A": []})

    def refuse(spreadsheet_id: str) -> None:
        raise HttpError(status)

    monkeypatch.setattr(google, "get_spreadsheet", refuse)
    with pytest.raises(kind, match=said):
        GoogleSheet("1aB", None, google).stamp()


@pytest.mark.skipif(
    importlib.util.find_spec("googleapiclient") is not None, reason="the provider is installed"
)
def test_without_the_provider_the_extra_is_named() -> None:
    dataset = Dataset(path="1aB", format="google_sheet", entity="orders")
    with pytest.raises(ConfigError, match='Install Rapport with its extra "sheets"'):
        google_sheets.find(dataset)

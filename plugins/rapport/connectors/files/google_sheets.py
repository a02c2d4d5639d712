"""Rows of a Google sheet, through the connection of Airflow's Google provider.

`path` is the id of the spreadsheet, which stands in its address; the sheet must be shared with the
account of the connection. Google writes numbers and dates as the sheet shows them, in the words of
its country, or as plain numbers. So the values are read twice: as plain numbers, and with dates as
text. What is a number in one and a text in the other is a date, and its number says which.

https://developers.google.com/sheets/api/reference/rest/v4/DateTimeRenderOption

>>> cell(46082.520833333336, "1.3.2026 12:30"), cell(46082, "1.3.2026"), cell(12.5, 12.5)
('2026-03-01T12:30:00', '2026-03-01', Decimal('12.5'))
"""

import datetime
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO, Protocol, cast

from rapport.connectors.files import sheets, tables
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import File, FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.tables import Cells
from rapport.connectors.files.text import lines
from rapport.errors import ConfigError, RetryLater
from rapport.vendors.reading.numbers_in_json import as_json, from_json

CONN_ID = "google_sheets"
ROWS_AT_ONCE = 10_000
_DAY_0 = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - sheets know no zone


class Hook(Protocol):
    """What is used of `airflow.providers.google.suite.hooks.sheets.GSheetsHook`."""

    def get_spreadsheet(self, spreadsheet_id: str) -> Any: ...

    def get_values(
        self,
        spreadsheet_id: str,
        range_: str,
        *,
        value_render_option: str,
        date_time_render_option: str,
    ) -> list[list[Any]]: ...


def hook(conn_id: str | None) -> Hook:
    """The hook of a connection; raises `ConfigError` where the provider is not installed."""
    try:
        from airflow.providers.google.suite.hooks.sheets import (  # type: ignore[import-not-found]
            GSheetsHook,
        )
    except ImportError:
        raise ConfigError(
            "files: format google_sheet needs apache-airflow-providers-google. Install Rapport "
            'with its extra "sheets".'
        ) from None
    from airflow.sdk.exceptions import AirflowNotFoundException

    conn_id = conn_id or CONN_ID
    try:
        found: Hook = GSheetsHook(gcp_conn_id=conn_id)
    except AirflowNotFoundException:
        raise ConfigError(
            f'files: format google_sheet needs the connection "{conn_id}" of Google, which is not '
            "there. Add it, or name another as `conn_id`."
        ) from None
    return found


@dataclass(frozen=True)
class GoogleSheet:
    """A sheet as a file: a line for each row, with a JSON array of its cells."""

    name: str
    sheet: str | None
    google: Hook

    def stamp(self) -> list[Any]:
        """A digest of the cells: Google says of no sheet when it changed."""
        with self.open() as file:
            digest = hashlib.sha256()
            while block := file.read(1024 * 1024):
                digest.update(block)
            return [digest.hexdigest()[:32]]

    def open(self) -> BinaryIO:
        """The cells as they are now, from a file that goes when it is closed."""
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
        try:
            for row in _cells(self.google, self.name, self.sheet):
                copy.write(as_json(row) + b"\n")
        except BaseException as error:
            copy.close()
            if (status := getattr(error, "status_code", None)) is None:
                raise
            raise _refused(status) from None
        copy.seek(0)
        return cast("BinaryIO", copy)


def find(dataset: Dataset) -> list[File]:
    """The sheet of a dataset; raises `ConfigError` where the provider is not installed."""
    return [GoogleSheet(dataset.path, dataset.sheet, hook(dataset.conn_id))]


def rows(file: BinaryIO, dataset: Dataset, needed: Sequence[str]) -> Iterator[Row]:
    """The rows; raises `FileError` for a header without a needed column."""
    return tables.rows((from_json(line.content) for line in lines(file)), dataset, needed)


def cell(plain: Any, shown: Any) -> str | Decimal | None:
    """A value as text: `plain` with dates as numbers, `shown` with dates as text."""
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not isinstance(shown, str):
        return sheets.text(plain)
    if abs(plain) > 2_958_465:  # beyond the year 9999
        return sheets.text(plain)
    moment = _DAY_0 + datetime.timedelta(seconds=round(plain * 86_400))
    if isinstance(plain, int) or plain.is_integer():
        return moment.date().isoformat()
    return moment.time().isoformat() if 0 <= plain < 1 else moment.isoformat()


def _refused(status: int) -> Exception:
    """What an error of the API means: `googleapiclient.errors.HttpError` has its status."""
    if status in (401, 403, 404):
        return FileError(
            f"cannot be read: Google answers {status}. Check the id in `path`, and share the sheet "
            "with the account of the connection"
        )
    return RetryLater(f"files: Google answers {status} for a sheet. It is read in the next run.")


def _cells(google: Hook, spreadsheet: str, sheet: str | None) -> Iterator[Cells]:
    title, count = _sheet(google, spreadsheet, sheet)
    name = title.replace("'", "''")
    for start in range(1, count + 1, ROWS_AT_ONCE):
        part = f"'{name}'!{start}:{min(start + ROWS_AT_ONCE - 1, count)}"
        plain, shown = (
            google.get_values(
                spreadsheet, part, value_render_option="UNFORMATTED_VALUE",
                date_time_render_option=dates,
            )
            for dates in ("SERIAL_NUMBER", "FORMATTED_STRING")
        )  # fmt: skip
        shown = [*shown, *[[]] * (len(plain) - len(shown))]
        for row, texts in zip(plain, shown, strict=False):
            texts = [*texts, *[None] * (len(row) - len(texts))]
            yield [cell(*both) for both in zip(row, texts, strict=False)]
        # Empty rows at the end of a part are left out, and count all the same.
        full = min(ROWS_AT_ONCE, count - start + 1)
        yield from ([] for _ in range(full - len(plain)))


def _sheet(google: Hook, spreadsheet: str, sheet: str | None) -> tuple[str, int]:
    """The name of the sheet and how many rows it has room for."""
    found = [one["properties"] for one in google.get_spreadsheet(spreadsheet)["sheets"]]
    grids = [one for one in found if one.get("sheetType", "GRID") == "GRID"]
    for one in grids:
        if sheet in (None, one["title"]):
            return one["title"], one["gridProperties"]["rowCount"]
    said = ", ".join(one["title"] for one in grids[:20])
    raise FileError(f"has no sheet {sheet}; it has: {said}")

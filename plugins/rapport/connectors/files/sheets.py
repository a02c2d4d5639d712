"""Rows of a sheet of a workbook: .xlsx, .xlsm or .ods.

Numbers come as the text of what the sheet shows of them, without a rounding error in the 16th
place; dates and times in ISO form, without a zone. A formula is its last result, an error (#N/A)
nothing. Of merged cells the first has the value, as in the file.

>>> text(12.0), text(0.1 + 0.2), text(True), text("#N/A")
(Decimal('12'), Decimal('0.3'), 'true', None)
"""

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from rapport.connectors.files import sheet_sizes, tables
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.tables import Cells

ERRORS = {
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", "#SPILL!",
    "#CALC!", "#GETTING_DATA",
}  # fmt: skip
DIGITS = 15  # that a spreadsheet keeps


def rows(file: BinaryIO, dataset: Dataset, needed: Sequence[str]) -> Iterator[Row]:
    """The rows.

    Raises `FileError` for a damaged workbook, one that is too large, and an unknown sheet.
    """
    sheet_sizes.refuse(file)
    file.seek(0)
    return tables.rows(_cells(file, dataset.sheet), dataset, needed)


def _cells(file: BinaryIO, name: str | None) -> Iterator[Cells]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = CalamineWorkbook.from_filelike(file)
        sheet = workbook.get_sheet_by_name(_sheet(workbook, name))
    except PasswordError:
        raise FileError("is a workbook with a password. Save it without one") from None
    except CalamineError as error:
        raise FileError(f"is no workbook that can be read ({type(error).__name__})") from None
    for row in sheet.iter_rows():
        yield [text(cell) for cell in row]


def _sheet(workbook: Any, name: str | None) -> str:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    sheets = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
    if name is not None:
        if name in (one.name for one in sheets):
            return name
        said = ", ".join(one.name for one in sheets[:20])
        raise FileError(f"has no sheet {name}; it has: {said}")
    visible = [one for one in sheets if one.visible == SheetVisibleEnum.Visible] or sheets
    if not visible:
        raise FileError("has no sheet")
    return str(visible[0].name)


def text(value: Any) -> str | Decimal | None:
    """A cell as text, a number as a number; None where it is empty or an error."""
    if isinstance(value, str):
        return None if not value or value in ERRORS else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        found = number(value)
        return Decimal(found) if found else None
    if isinstance(value, datetime.datetime):
        return _near_second(value).isoformat()
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return None if value is None else str(value.isoformat())


def number(value: float) -> str:
    """A number with as many digits as a spreadsheet keeps, and without an exponent.

    >>> number(1e-7), number(1450000.0), number(-0.0)
    ('0.0000001', '1450000', '0')
    """
    if isinstance(value, int):
        return str(value)
    found = Decimal(f"{value:.{DIGITS}g}")
    if not found.is_finite():
        return ""
    return f"{found.normalize() + 0:f}"


def _near_second(moment: datetime.datetime) -> datetime.datetime:
    """The whole second, where the fraction of a day that the sheet keeps misses it narrowly."""
    off = moment.microsecond if moment.microsecond < 500_000 else moment.microsecond - 1_000_000
    return moment - datetime.timedelta(microseconds=off) if abs(off) <= 5_000 else moment

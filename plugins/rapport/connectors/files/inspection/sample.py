"""A bounded sample of a file: its format by its content, the options to read it, and its rows.

>>> from rapport.connectors.files.places import find
>>> sample = sample_of(find("in/orders.csv")[0])  # doctest: +SKIP
>>> sample.options, len(sample.rows)  # doctest: +SKIP
({'format': 'csv', 'delimiter': ';'}, 2000)
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Any, BinaryIO

import msgspec

from rapport.connectors.files import (
    access_log,
    encodings,
    formats,
    packing,
    sheet_sizes,
    sheets,
)
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.inspection.shapes import MOST_ROWS, Cells, Shape, shape_of, table_of
from rapport.connectors.files.places import File, FileError

MOST, HEAD = 2_000, 1024 * 1024
MOST_DEPTH, MOST_COLUMNS = 3, 500
PARQUET, ZIP = b"PAR1", b"PK\x03\x04"
_GA4 = {"event_timestamp", "event_name", "user_pseudo_id"}


@dataclass
class Sample:
    """The first rows of a file, and the options of a dataset that reads it.

    `problems` counts the rows of the sample that cannot be read, by reason.
    """

    file: File
    options: dict[str, Any]
    encoding: str | None = None
    rows: list[Mapping[str, Any]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    sheets: list[str] = field(default_factory=list)


def sample_of(file: File, sheet: str | None = None) -> Sample:
    """The sample; raises `FileError` for a file that no format reads."""
    with file.open() as opened:
        start = opened.read(8)
        opened.seek(0)
        if start.startswith(PARQUET):
            sample = Sample(file, {"format": "parquet"})
        elif start.startswith(ZIP) and _is_workbook(opened):
            sample = _of_workbook(file, opened, sheet)
        else:
            sample = _of_text(file, opened)
    _read(sample)
    if not sample.rows:
        why = ", ".join(sample.problems)
        raise FileError(f"has no row that can be read: {why or 'nothing follows the names'}")
    if sample.options["format"] in ("parquet", "ndjson") and set(sample.names) >= _GA4:
        sample.options = {"format": "ga4"}
    return sample


def _of_text(file: File, opened: BinaryIO) -> Sample:
    try:
        head = _head(packing.opened(opened).content)
    except packing.DAMAGED:
        raise FileError("is cut off or damaged. Send it again") from None
    if not head.strip():
        raise FileError("is empty")
    encoding, text, doubts = _decoded(head)
    if text.count("\x00") > len(text) / 1000:
        raise FileError("is no text and no format that is read: CSV, JSON, Parquet, .xlsx or .ods")
    if text.lstrip("\ufeff \r\n\t")[:1] == "<":
        raise FileError("is a web page or XML. Export the table as CSV")
    is_whole = len(head) < HEAD
    sample = Sample(file, {}, encoding, doubts=doubts)
    lines = [line for line in text.splitlines()[: MOST_ROWS + 1] if line.strip()]
    if not is_whole and len(lines) > 1:
        lines = lines[:-1]
    if text.lstrip().startswith(("{", "[")):
        _of_json(sample, lines)
        return sample
    if _is_log(lines):
        sample.options = {"format": "access_log"}
        return sample
    shape = shape_of(text, is_whole=is_whole)
    sample.options = {"format": "csv", **_options(shape)}
    if encoding != "utf-8" and encodings.marked(head) is None and encodings.wide(head) is None:
        sample.options["encoding"] = encoding
    sample.doubts += shape.doubts
    return sample


def _of_json(sample: Sample, lines: Sequence[str]) -> None:
    try:
        first = msgspec.json.decode(lines[0])
    except (msgspec.DecodeError, UnicodeDecodeError):
        first = None
    if not isinstance(first, dict):
        sample.options = {"format": "ndjson"}
        return
    sample.options = {"format": "access_log" if _is_log(lines) else "ndjson"}


def _is_log(lines: Sequence[str]) -> bool:
    """Whether many lines are those of an access log. A log of IIS says so in its first line."""
    if lines and lines[0].startswith(("#Software:", "#Version:", "#Fields:")):
        return True
    read = 0
    for line in lines:
        try:
            access_log.parse(line)
            read += 1
        except ValueError:
            continue
    return read > 0.2 * len(lines)


def _of_workbook(file: File, opened: BinaryIO, sheet: str | None) -> Sample:
    from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    sheet_sizes.refuse(opened)
    opened.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(opened)
        known = [one for one in workbook.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        names = [one.name for one in known if one.visible == SheetVisibleEnum.Visible]
        names = names or [one.name for one in known]
        if not names or (sheet is not None and sheet not in [one.name for one in known]):
            raise FileError(f"has no sheet {sheet or ''}; it has: {', '.join(names) or 'none'}")
        wanted = sheet or names[0]
        table = islice(workbook.get_sheet_by_name(wanted).iter_rows(), MOST_ROWS)
        rows = [
            Cells(number, [_shown(cell) for cell in row])
            for number, row in enumerate(table, start=1)
        ]
    except CalamineError:
        raise FileError("is a damaged workbook, or one with a password. Save it again") from None
    shape = table_of(rows, is_whole=len(rows) < MOST_ROWS)
    options = {"format": "sheet", **_options(shape)}
    if sheet is not None:
        options["sheet"] = sheet
    doubts = [*shape.doubts]
    if len(names) > 1 and sheet is None:
        doubts.append(f"there are {len(names)} sheets: say `sheet` for another than {wanted}")
    return Sample(file, options, doubts=doubts, sheets=names)


def _is_workbook(opened: BinaryIO) -> bool:
    try:
        names = zipfile.ZipFile(opened).namelist()
    except zipfile.BadZipFile:
        return False
    finally:
        opened.seek(0)
    return "[Content_Types].xml" in names or names[:1] == ["mimetype"]


def _head(content: IO[bytes]) -> bytes:
    found = b""
    while len(found) < HEAD and (block := content.read(HEAD - len(found))):
        found += block
    return found


def _decoded(head: bytes) -> tuple[str, str, list[str]]:
    """The encoding of a text by its first bytes, the text, and what is in doubt."""
    if marked := encodings.marked(head):
        name, mark = marked
        return name, head.removeprefix(mark).decode(name, "replace"), []
    if wide := encodings.wide(head):
        return wide, head.decode(wide, "replace"), []
    try:
        io.TextIOWrapper(io.BytesIO(head[: head.rfind(b"\n") + 1] or head), "utf-8").read()
        return "utf-8", head.decode("utf-8", "replace"), []
    except UnicodeDecodeError:
        name = encodings.suggestion(head) or "cp1252"
        return name, head.decode(name, "replace"), [f"the letters look like {name}: look at names"]


def _options(shape: Shape) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if shape.delimiter != ",":
        found["delimiter"] = shape.delimiter
    if shape.header is not True:
        found["header"] = list(shape.header)
    if shape.header_row != 1:
        found["header_row"] = shape.header_row
    if shape.skip_foot:
        found["skip_foot"] = shape.skip_foot
    return found


def _read(sample: Sample) -> None:
    """Fills in the rows, as a load reads them."""
    entity = {} if sample.options["format"] in ("access_log", "ga4") else {"entity": "contacts"}
    dataset = Dataset.model_validate({"path": "-", **entity, **sample.options, "columns": {}})
    dataset = dataset.model_copy(update={"columns": {}})
    names: dict[str, None] = {}
    with sample.file.open() as opened:
        rows = list(islice(formats.rows(opened, dataset, ()), MOST))
    for row in rows:
        if row.problem is not None:
            sample.problems[row.problem] = sample.problems.get(row.problem, 0) + 1
            continue
        values = dict(_leaves(row.values)) if row.json is not None else dict(row.values)
        sample.rows.append(values)
        names.update(dict.fromkeys(values))
    sample.names = list(names)[:MOST_COLUMNS]


def _leaves(values: Mapping[str, Any], prefix: str = "", depth: int = 1) -> list[tuple[str, Any]]:
    """The members of nested records by their path with dots."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and depth < MOST_DEPTH:
            found += _leaves(value, f"{prefix}{name}.", depth + 1)
        else:
            found.append((f"{prefix}{name}", value))
    return found


def _shown(cell: Any) -> str:
    found = sheets.text(cell)
    return "" if found is None else str(found)

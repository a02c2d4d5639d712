"""Workbooks as spreadsheets write them, as small as can be.

>>> xlsx({"Sheet1": [["id", "sum"], [1, 2.5]]})[:2]
b'PK'
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
# 0: plain, 1: date, 2: date and time, 3: percent, 4: time, 5: duration, by Excel's numbers.
STYLES = (0, 14, 22, 9, 21, 46)


class Raw(NamedTuple):
    """A cell as it stands in the XML: its attributes and its content."""

    attributes: str
    content: str


Cell = str | float | int | bool | Raw | None


def serial(number: float, style: int) -> Raw:
    """A number with a style, as dates and times are."""
    return Raw(f' s="{style}"', f"<v>{number}</v>")


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[Cell]] | str],
    *,
    shared: Sequence[str] = (),
    hidden: Sequence[str] = (),
) -> bytes:
    """A workbook; a sheet may be given as the XML of its rows."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        write = archive.writestr
        write("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        write("_rels/.rels", _related([("officeDocument", "xl/workbook.xml")]))
        formats = "".join(f'<xf numFmtId="{number}"/>' for number in STYLES)
        write(
            "xl/styles.xml",
            f'<styleSheet xmlns="{_MAIN}"><cellXfs>{formats}</cellXfs></styleSheet>',
        )
        texts = "".join(f"<si><t>{escape(text)}</t></si>" for text in shared)
        write("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{texts}</sst>')
        listed = "".join(
            f'<sheet name="{escape(name)}" sheetId="{at}" r:id="rId{at}"'
            f"{' state=' + chr(34) + 'hidden' + chr(34) if name in hidden else ''}/>"
            for at, name in enumerate(sheets, 1)
        )
        spaces = f'xmlns="{_MAIN}" xmlns:r="{_OFFICE}"'
        write("xl/workbook.xml", f"<workbook {spaces}><sheets>{listed}</sheets></workbook>")
        files = [("worksheet", f"worksheets/sheet{at}.xml") for at in range(1, len(sheets) + 1)]
        files += [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
        write("xl/_rels/workbook.xml.rels", _related(files))
        for at, rows in enumerate(sheets.values(), 1):
            if not isinstance(rows, str):
                rows = "".join(_row(*one) for one in enumerate(rows, 1))
            sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
            write(f"xl/worksheets/sheet{at}.xml", sheet)
    return file.getvalue()


def _related(files: Sequence[tuple[str, str]]) -> str:
    listed = "".join(
        f'<Relationship Id="rId{at}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for at, (kind, target) in enumerate(files, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _row(number: int, cells: Sequence[Cell]) -> str:
    found = "".join(_cell(number, place, cell) for place, cell in enumerate(cells))
    return f'<row r="{number}">{found}</row>'


def _cell(row: int, place: int, cell: Cell) -> str:
    name = f'r="{chr(65 + place)}{row}"'
    match cell:
        case None:
            return ""
        case Raw(attributes, content):
            return f"<c {name}{attributes}>{content}</c>"
        case bool():
            return f'<c {name} t="b"><v>{int(cell)}</v></c>'
        case str():
            return f'<c {name} t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        case _:
            return f"<c {name}><v>{cell!r}</v></c>"


def ods(sheets: Mapping[str, str]) -> bytes:
    """A workbook of OpenDocument; each sheet is the XML of its rows."""
    names = "".join(
        f' xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "table", "text")
    )
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{rows}</table:table>'
        for name, rows in sheets.items()
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", _manifest(kind))
        archive.writestr("content.xml",
            f"<office:document-content{names}><office:body><office:spreadsheet>{tables}"
            "</office:spreadsheet></office:body></office:document-content>")  # fmt: skip
    return file.getvalue()


def _manifest(kind: str) -> str:
    name = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
    return f'<manifest:manifest xmlns:manifest="{name}">{entry}</manifest:manifest>'


def ods_row(*cells: str | float | None, repeated: int = 1) -> str:
    """A row of texts and numbers."""
    found = []
    for cell in cells:
        if cell is None:
            found.append("<table:table-cell/>")
        elif isinstance(cell, str):
            found.append(
                '<table:table-cell office:value-type="string">'
                f"<text:p>{escape(cell)}</text:p></table:table-cell>"
            )
        else:
            found.append(
                f'<table:table-cell office:value-type="float" office:value="{cell}">'
                f"<text:p>{cell}</text:p></table:table-cell>"
            )
    tag = f'table:table-row table:number-rows-repeated="{repeated}"'
    return f"<{tag}>{''.join(found)}</table:table-row>"

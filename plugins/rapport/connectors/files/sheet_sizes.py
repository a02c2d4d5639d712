"""How much a workbook unpacks to, found out before it is read into memory.

A few kilobytes can hold gigabytes: XML compresses well, one text can stand in a million cells, and
a single cell in the last corner of a sheet makes room for all cells before it.

>>> with open("in/orders.xlsx", "rb") as file:  # doctest: +SKIP
...     refuse(file)
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from rapport.connectors.files.places import FileError

LARGEST = 512 * 1024 * 1024
LARGEST_TEXT = 512 * 1024 * 1024
MOST_CELLS = 20_000_000
CHUNK = 1024 * 1024
OVERLAP = 512
_CELL = re.compile(rb'<(?:\w+:)?c (?:[^>]{0,200} )?r="([A-Z]{1,3})(\d{1,7})"[^>]{0,200}(?<!/)>')
_SHARED = re.compile(rb't="s"[^>]{0,200}><(?:\w+:)?v>(\d{1,9})<')
_TEXT_END = re.compile(rb"</(?:\w+:)?si>")
_ODS = re.compile(rb"<table:(table|table-row|table-cell|covered-table-cell)(?=[\s/>])([^>]*)>")
_REPEATED = re.compile(rb'table:number-(?:rows|columns)-repeated="(\d{1,9})"')


def refuse(file: BinaryIO) -> None:
    """Raise `FileError` for what is no workbook, or one that unpacks to too much."""
    file.seek(0)
    if file.read(2) != b"PK":
        raise FileError("is no workbook. Save it as .xlsx or .ods, or write `format: csv`")
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        raise FileError("is a workbook that is cut off or damaged. Send it again") from None


def _refuse(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if "xl/workbook.bin" in names:
        raise FileError("is a binary workbook (.xlsb). Save it as .xlsx")
    unpacked = _Unpacked(archive)
    texts: list[int] = []
    shared = _shared(archive) if "xl/_rels/workbook.xml.rels" in names else set()
    for name in sorted(names, key=lambda name: name not in shared):
        if name in shared:
            texts = [*texts, *_texts(unpacked.chunks(name))]
        elif name == "content.xml":
            _refuse_ods(unpacked.chunks(name))
        else:  # any other part may be a sheet
            _refuse_sheet(unpacked.chunks(name), texts)


def _shared(archive: zipfile.ZipFile) -> set[str]:
    """The parts with the texts that cells share."""
    with archive.open("xl/_rels/workbook.xml.rels") as file:
        related = file.read(CHUNK).decode("utf-8", "replace")
    found = {"xl/sharedStrings.xml"}
    for tag in re.findall(r"<[^<>]*sharedStrings[^<>]*>", related):
        if target := re.search(r'Target="([^"]+)"', tag):
            found.add(target[1].lstrip("/") if target[1].startswith("/") else f"xl/{target[1]}")
    return found


class _Unpacked:
    """The members of an archive, piece by piece, together up to `LARGEST` bytes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._size = 0

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._archive.open(name) as member:
            while chunk := member.read(CHUNK):
                self._size += len(chunk)
                if self._size > LARGEST:
                    raise _too_much(f"unpacks to more than {LARGEST // 1024**2} MB")
                yield chunk


def _texts(chunks: Iterator[bytes]) -> Iterator[int]:
    """The bytes of each text that cells share, by its number."""
    rest = b""
    for chunk in chunks:
        *parts, rest = _TEXT_END.split(rest + chunk)
        yield from map(len, parts)
        if len(rest) > 16 * CHUNK:
            raise _too_much("has a text of more than 16 MB")


def _refuse_sheet(chunks: Iterator[bytes], texts: Sequence[int]) -> None:
    """Count the cells up to the last that holds something, and the texts that they share."""
    rows = columns = size = 0
    rest = b""
    for chunk in chunks:
        data = rest + chunk  # what overlaps is counted twice, which is little
        rest = data[-OVERLAP:]
        found = _CELL.findall(data)
        rows = max(rows, max((int(row) for _, row in found), default=0))
        columns = max(
            columns, max((_column(name) for name in {one for one, _ in found}), default=0)
        )
        size += sum(texts[at] for at in map(int, _SHARED.findall(data)) if at < len(texts))
        _refuse_cells(rows * columns)
        if size > LARGEST_TEXT:
            raise _too_much(f"holds more than {LARGEST_TEXT // 1024**2} MB of text")


def _refuse_ods(chunks: Iterator[bytes]) -> None:
    rest = b""
    row = column = rows = columns = 0
    row_repeat = 1
    for chunk in chunks:
        data = rest + chunk
        cut = data.rfind(b"<")
        data, rest = data[:cut], data[cut:]
        if len(rest) > 4 * CHUNK:
            raise _too_much("has a tag without an end")
        for kind, attributes in _ODS.findall(data):
            repeated = _REPEATED.search(attributes)
            times = int(repeated[1]) if repeated else 1
            if kind == b"table":
                row = column = rows = columns = 0
            elif kind == b"table-row":
                row, column, row_repeat = row + times, 0, times
            else:
                column += times
                if b"office:value" in attributes or not attributes.endswith(b"/"):
                    rows, columns = max(rows, row), max(columns, column)
                    _refuse_cells(max(rows * columns, times * row_repeat))


def _refuse_cells(count: int) -> None:
    if count > MOST_CELLS:
        raise _too_much(
            f"has {count:,} cells up to the last one that is not empty; {MOST_CELLS:,} are read"
        )


def _column(name: bytes) -> int:
    """The number of a column.

    >>> _column(b"A"), _column(b"XFD")
    (1, 16384)
    """
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number


def _too_much(what: str) -> FileError:
    return FileError(f"is a workbook that {what}. Save the sheet as CSV")

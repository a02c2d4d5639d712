"""Lines of JSON out of a zip, gzipped or not, in bounded memory: exports come so.

>>> import io
>>> file = io.BytesIO()
>>> with zipfile.ZipFile(file, "w") as archive:
...     archive.writestr("a.ndjson", b"{}\\n{}\\n")
>>> [len(page.records) for page in pages_of(file, "example", (".ndjson",))]
[2]
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from rapport.errors import GiveUp, RetryLater
from rapport.vendors.source import Page, Rejected

PAGE_ROWS = 5_000
LONGEST_LINE = 16 * 1024 * 1024
PAGE_BYTES = 8 * 1024 * 1024
LARGEST_ANSWER = 4 * 1024**3
LARGEST_RATIO = 300


def pages_of(file: BinaryIO, name: str, endings: tuple[str, ...]) -> Iterator[Page]:
    """The lines of all members whose name ends so; a damaged zip is left for later."""
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if member.filename.endswith(endings):
                    yield from _lines(name, archive, member)
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError):
        raise RetryLater(
            f"{name}: the export is damaged. Run again; what landed of it stays."
        ) from None


def _lines(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[Page]:
    largest = LARGEST_RATIO * member.compress_size + LONGEST_LINE
    records: list[bytes] = []
    rejected: list[Rejected] = []
    read = size = 0
    is_rest = False
    with archive.open(member) as inner:
        lines = gzip.GzipFile(fileobj=inner) if member.filename.endswith(".gz") else inner
        while line := lines.readline(LONGEST_LINE):
            read += len(line)
            size += len(line)
            if read > largest:
                raise GiveUp(
                    f"{name}: {member.filename} unpacks to more than {LARGEST_RATIO} times "
                    "its size. Nothing of its rest was read; ask the vendor."
                )
            was_rest, is_rest = is_rest, not line.endswith(b"\n") and len(line) == LONGEST_LINE
            if was_rest:
                continue
            if is_rest:
                rejected.append(Rejected(line, f"{member.filename}: line too long"))
            elif line.strip():
                records.append(line.rstrip(b"\r\n"))
            if len(records) + len(rejected) >= PAGE_ROWS or size >= PAGE_BYTES:
                yield Page(records, rejected=rejected)
                records, rejected, size = [], [], 0
    if records or rejected:
        yield Page(records, rejected=rejected)

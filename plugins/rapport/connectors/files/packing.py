"""Packed files: gzip, bz2, xz, zstd, and a zip with one file in it.

>>> import io
>>> opened(io.BytesIO(b"id,sum")).packed
False
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from typing import IO, Any, BinaryIO, NamedTuple, cast

from rapport.connectors.files.places import FileError

GZIP, BZ2, XZ, ZSTD, ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"
OTHER_FORMATS = {
    b"PAR1": "is a Parquet file. Write `format: parquet`",
    b"\xd0\xcf\x11\xe0": "is a workbook of Excel 97 (.xls). Save it as .xlsx",
    b"%PDF": "is a PDF. Export the table as CSV",
    b"7z\xbc\xaf": "is a 7z archive. Unpack it, or use zip, gzip or zstd",
    b"Rar!": "is a rar archive. Unpack it, or use zip, gzip or zstd",
}
# An archive that a hostile file asks this much memory for is refused.
XZ_MEMORY = 256 * 1024 * 1024
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)


class Opened(NamedTuple):
    """What a file holds; `packed` says that it is more than the bytes that are stored."""

    content: IO[bytes]
    packed: bool


def opened(file: BinaryIO) -> Opened:
    """The content of a file; raises `FileError` for what is no text and no packed text."""
    head = file.read(8)
    file.seek(0)
    for magic, reason in OTHER_FORMATS.items():
        if head.startswith(magic):
            raise FileError(reason)
    if head.startswith(GZIP):
        return Opened(cast(IO[bytes], gzip.GzipFile(fileobj=file)), True)
    if head.startswith(BZ2) and head[3:4].isdigit():
        return Opened(cast(IO[bytes], _Unpacked(file, bz2.BZ2Decompressor)), True)
    if head.startswith(XZ):
        return Opened(cast(IO[bytes], _Unpacked(file, _xz)), True)
    if head.startswith(ZSTD):
        return Opened(_zstd(file), True)
    if head.startswith(ZIP):
        return Opened(_member(file), True)
    return Opened(file, False)


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


def _zstd(file: BinaryIO) -> IO[bytes]:
    import pyarrow

    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, "r"), "zstd")
    return cast(IO[bytes], io.BufferedReader(_Zstd(stream)))


def _member(file: BinaryIO) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    names = [one.filename for one in archive.infolist()]
    if "[Content_Types].xml" in names or names[:1] == ["mimetype"]:
        raise FileError("is a workbook. Write `format: sheet`")
    held = [
        one for one in archive.infolist()
        if not one.is_dir() and not one.filename.startswith("__MACOSX/")
    ]  # fmt: skip
    if len(held) != 1:
        raise FileError(
            f"is a zip with {len(held)} files, and a zip is read where it has one. Unpack it, or "
            "put each file into a zip of its own"
        )
    if held[0].flag_bits & 1:
        raise FileError("is a zip with a password. Unpack it")
    try:
        return archive.open(held[0])
    except NotImplementedError:
        raise FileError("is a zip of an unusual kind. Unpack it, or zip it again") from None


class _Zstd(io.RawIOBase):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (OSError, ValueError):
            raise EOFError("damaged") from None
        buffer[: len(data)] = data
        return len(data)


class _Unpacked(io.RawIOBase):
    """What bz2 and xz hold, one stream after the other, never more at once than is asked for."""

    def __init__(self, file: BinaryIO, new: Any) -> None:
        self._file = file
        self._new = new
        self._current = new()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next(self, size: int) -> bytes:
        while True:
            if self._current.eof:
                self._rest = self._current.unused_data or self._file.read(64 * 1024)
                self._rest = self._rest.lstrip(b"\x00")  # padding between streams
                if not self._rest:
                    return b""
                self._current = self._new()
            elif self._current.needs_input:
                self._rest = self._file.read(64 * 1024)
                if not self._rest:
                    raise EOFError("cut off")
            try:
                data: bytes = self._current.decompress(self._rest, size)
            except OSError:  # bz2 says so what is damaged
                raise EOFError("damaged") from None
            self._rest = b""
            if data:
                return data

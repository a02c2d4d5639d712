"""Lines of a text file, gzipped or not, in bounded memory.

>>> import io
>>> [line.content for line in lines(io.BytesIO(b"a\\nb"))]
[b'a', b'b']
"""

import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, BinaryIO, NamedTuple, cast

from rapport.connectors.files.places import FileError

LONGEST_LINE = 16 * 1024 * 1024
LARGEST_RATIO = 300
ALWAYS_UNPACKED = 256 * 1024 * 1024
GZIP, BOM, UTF_16 = b"\x1f\x8b", b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line without its end; `problem` says why it cannot be taken."""

    number: int
    content: bytes
    problem: str | None = None


def lines(file: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[Line]:
    """Every line that is not blank; raises `FileError` where the file is damaged."""
    number = 0
    try:
        text, packed = _unpacked(file)
        while line := text.readline(longest):
            number += 1
            if packed:
                _refuse_bomb(text.tell(), file.tell())
            if number == 1:
                if line.startswith(UTF_16):
                    raise FileError("is UTF-16. Save it as UTF-8")
                line = line.removeprefix(BOM)
            if len(line) == longest and not line.endswith(b"\n"):
                size = len(line) + _skip(text, file if packed else None, longest)
                yield Line(number, line[: 64 * 1024], f"line of {size} bytes, too long")
                continue
            content = line.removesuffix(b"\n").removesuffix(b"\r")
            if b"\x00" in content:
                yield Line(number, content, "contains NUL")
            elif content.strip():
                yield Line(number, content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileError(f"is cut off or damaged after line {number}. Send it again") from None


def _unpacked(file: BinaryIO) -> tuple[IO[bytes], bool]:
    head = file.read(2)
    file.seek(0)
    if head != GZIP:
        return io.BufferedReader(file) if isinstance(file, io.RawIOBase) else file, False
    return cast(IO[bytes], gzip.GzipFile(fileobj=file)), True


def _skip(text: IO[bytes], packed: BinaryIO | None, longest: int) -> int:
    size = 0
    while rest := text.readline(longest):
        size += len(rest)
        if packed is not None:
            _refuse_bomb(text.tell(), packed.tell())
        if rest.endswith(b"\n"):
            break
    return size


def most_unpacked(packed: int) -> int:
    """So many bytes are taken out of so many packed ones."""
    return max(ALWAYS_UNPACKED, LARGEST_RATIO * packed)


def _refuse_bomb(unpacked: int, packed: int) -> None:
    if unpacked > most_unpacked(packed):
        raise FileError(f"unpacks to more than {LARGEST_RATIO} times its size: refused")

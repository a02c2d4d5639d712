"""Lines of a text file, packed or not, in bounded memory.

Lines end with a line feed, with or without a carriage return before it, or with carriage returns
where the first line does. UTF-16, UTF-32 and whatever else ends its lines in its own way becomes
UTF-8 first.

>>> import io
>>> [line.content for line in lines(io.BytesIO(b"a\\nb\\r\\nc"))]
[b'a', b'b', b'c']
"""

import codecs
import itertools
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from rapport.connectors.files import encodings, packing
from rapport.connectors.files.places import FileError

LONGEST_LINE = 16 * 1024 * 1024
LARGEST_RATIO = 300
ALWAYS_UNPACKED = 256 * 1024 * 1024
BLOCK = 384 * 1024
KEPT = 64 * 1024  # of a line that is too long
ENDS = b"\r\n"
NUL = "contains NUL"
# What cannot be decoded becomes a character that UTF-8 does not allow, so that its row is refused.
_MARK = "rapport-mark"
codecs.register_error(
    _MARK, lambda error: ("\udcff", error.end if isinstance(error, UnicodeDecodeError) else 0)
)


class Line(NamedTuple):
    """A line and its end; `problem` says why it cannot be taken."""

    number: int
    content: bytes
    problem: str | None = None
    end: bytes = b"\n"

    @property
    def is_too_long(self) -> bool:
        """Whether the content is only its beginning."""
        return self.problem is not None and self.problem != NUL


class Text(NamedTuple):
    """Good lines as they follow each other, without the last end; `number` is the first's."""

    number: int
    content: bytes

    @property
    def size(self) -> int:
        """How many lines there are."""
        return self.content.count(b"\n") + 1

    def lines(self) -> list[Line]:
        """Each line."""
        contents = self.content.split(b"\n")
        numbers = range(self.number, self.number + len(contents))
        if b"\r" not in self.content:
            return list(map(Line, numbers, contents))
        bare = [content.rstrip(b"\r") for content in contents]
        ends = [whole[len(part) :] + b"\n" for whole, part in zip(contents, bare, strict=True)]
        return list(map(Line, numbers, bare, itertools.repeat(None), ends))

    def after(self, count: int) -> "Text | None":
        """What follows so many lines, of which there are as many; None where nothing does."""
        parts = self.content.split(b"\n", count)
        return Text(self.number + count, parts[count]) if len(parts) > count else None


# Lines that follow each other.
Block = list[Line] | Text


class Lines(Iterator[Line]):
    """The lines of a file; raises `FileError` where it is damaged.

    `blocks` are the same, many at a time; who takes them takes no lines.

    `encoding` is that of the content of each line, `stored` that of the file. Both are None where
    neither the caller nor a byte order mark nor the look of the bytes says one. `beginning` is the
    first byte that is not blank. `longest` may be set before the first line is taken.
    """

    def __init__(
        self, file: BinaryIO, encoding: str | None, longest: int, keep_blank: bool
    ) -> None:
        self._file = file
        self.longest = longest
        self._keep_blank = keep_blank
        self._unpacked = self._number = 0
        self._is_damaged = False
        try:
            self._content, self._packed = packing.opened(file)
        except packing.DAMAGED:
            raise self._damage() from None
        self._read = getattr(self._content, "read1", self._content.read)
        head = self._bytes()
        while len(head) < 4096 and (more := self._bytes()):
            head += more
        self.encoding, self.stored, decode, mark = _encoding(head, encoding)
        self._decoder = codecs.getincrementaldecoder(self.stored or "")(_MARK) if decode else None
        head = head[len(mark) :]
        self.beginning = head.replace(b"\x00", b"").lstrip()[:1]
        self.blocks = self._blocks(head)
        self._lines = itertools.chain.from_iterable(map(self._kept, self.blocks))

    def __iter__(self) -> Iterator[Line]:
        return self._lines  # a million calls of `__next__` below cost time

    def __next__(self) -> Line:
        return next(self._lines)

    def _bytes(self) -> bytes:
        """The next bytes, as many as a block has; those before damage come first."""
        parts: list[bytes] = []
        missing = BLOCK
        while missing and not self._is_damaged:
            try:
                data: bytes = self._read(missing)
            except packing.DAMAGED:
                self._is_damaged = True
                break
            self._unpacked += len(data)
            if self._packed:
                _refuse_bomb(self._unpacked, self._file.tell())
            if not data:
                break
            parts.append(data)
            missing -= len(data)
        if self._is_damaged and not parts:
            raise self._damage()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _damage(self) -> FileError:
        return FileError(f"is cut off or damaged after line {self._number}. Send it again")

    def _texts(self, data: bytes) -> Iterator[bytes]:
        """The content, block by block, in an encoding whose lines end as in ASCII."""
        while True:
            text = data
            if self._decoder is not None:
                decoded = self._decoder.decode(data, final=not data)
                text = decoded.encode("utf-8", "surrogatepass")
            if text:
                yield text
            if not data:
                return
            data = self._bytes()

    def _kept(self, block: Block) -> list[Line]:
        found = block.lines() if isinstance(block, Text) else block
        return found if self._keep_blank else [line for line in found if line.content.strip()]

    def _blocks(self, head: bytes) -> Iterator[Block]:
        rest = kept = b""
        parts: list[bytes] = []  # of a line that is longer than a block
        size = 0  # of a line that is too long and has not ended yet
        end = b""
        for data in self._texts(head):
            end = end or _end_of_lines(rest + data)
            if size:
                ended = data.find(end or b"\n") + 1
                size += ended or len(data)
                if not ended:
                    continue
                yield self._too_long(kept, size)
                data, size = data[ended:], 0
            if rest and (not end or end not in data):
                parts += [data] if parts else [rest, data]
            else:
                data = b"".join([*parts, data]) if parts else rest + data
                parts = []
                if end == b"\r":
                    wholes = data.splitlines(keepends=True)
                    # It may be the first half of an end.
                    rest = b"" if not wholes or wholes[-1].endswith(b"\n") else wholes.pop()
                    yield self._block(wholes, data)
                else:
                    complete, found, rest = data.rpartition(b"\n")
                    if found:
                        yield self._whole(complete, data)
            if len(rest) + sum(map(len, parts[1:])) >= self.longest and not rest.endswith(b"\r"):
                rest = b"".join(parts) or rest
                size, kept, rest, parts = len(rest), rest[:KEPT], b"", []
        rest = b"".join(parts) or rest
        if size:
            yield self._too_long(kept, size)
        elif rest:
            yield self._block([rest], rest)

    def _whole(self, complete: bytes, data: bytes) -> Block:
        """The lines of a text that ends them with line feeds, or with both signs."""
        text = Text(self._number + 1, complete)
        self._number += text.size
        if b"\x00" in data or len(data) > self.longest:
            return list(map(self._checked, text.lines()))
        return text

    def _block(self, wholes: list[bytes], data: bytes) -> list[Line]:
        """The lines of a text of whom each is given with its end."""
        first, self._number = self._number + 1, self._number + len(wholes)
        found = []
        for number, whole in enumerate(wholes, first):
            content = whole.rstrip(ENDS)
            found.append(Line(number, content, None, whole[len(content) :]))
        if b"\x00" in data or len(data) > self.longest:
            return list(map(self._checked, found))
        return found

    def _checked(self, line: Line) -> Line:
        if len(line.content) >= self.longest:
            size = len(line.content) + len(line.end)
            content = line.content[: min(KEPT, self.longest)]
            return Line(line.number, content, f"line of {size} bytes, too long")
        return line._replace(problem=NUL) if b"\x00" in line.content else line

    def _too_long(self, kept: bytes, size: int) -> list[Line]:
        self._number += 1
        content = kept[: self.longest]
        return [Line(self._number, content, f"line of {size} bytes, too long")]


def lines(
    file: BinaryIO,
    encoding: str | None = None,
    *,
    longest: int = LONGEST_LINE,
    keep_blank: bool = False,
) -> Lines:
    """Every line, without the blank ones unless they are asked for."""
    return Lines(file, encoding, longest, keep_blank)


def most_unpacked(packed: int) -> int:
    """So many bytes are taken out of so many packed ones."""
    return max(ALWAYS_UNPACKED, LARGEST_RATIO * packed)


def _encoding(head: bytes, declared: str | None) -> tuple[str | None, str | None, bool, bytes]:
    """The encoding of lines and of the file, whether it must be decoded, the byte order mark."""
    if (marked := encodings.marked(head)) is not None:
        stored, mark = marked
        return "utf-8", stored, stored != "utf-8", mark
    if (wide := encodings.wide(head)) is not None:
        return "utf-8", wide, True, b""
    if declared is not None and not encodings.by_lines(declared):
        return "utf-8", declared, True, b""
    return declared, declared, False, b""


def _end_of_lines(data: bytes) -> bytes:
    """The sign that ends lines, as the first end shows; empty while none is there.

    A carriage return in a file whose lines end otherwise is part of a cell: a text that was pasted.
    """
    found = min((data.find(end) for end in (b"\n", b"\r") if end in data), default=-1)
    after = data[found : found + 2]
    if found < 0 or after == b"\r":
        return b""
    return b"\n" if b"\n" in after[:1] or after == b"\r\n" else b"\r"


def _refuse_bomb(unpacked: int, packed: int) -> None:
    if unpacked > most_unpacked(packed):
        raise FileError(f"unpacks to more than {LARGEST_RATIO} times its size: refused")

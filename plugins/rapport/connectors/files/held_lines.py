"""Lines that may be looked at again, for the search of a closing quote.

What one search finds out serves the next: where it comes to the beginning of a line with the quote
open, any later one that comes there with an open quote ends as it did. So all searches of a file
together cost as much as its length, whatever stands in it.

>>> held = Held(iter([[Line(1, b"a"), Line(2, b"b")]]))
>>> [line.number for line in held.first(9)]
[1, 2]
"""

from collections.abc import Iterator

from rapport.connectors.files.places import FileError
from rapport.connectors.files.text import Block, Line, Text


class Held:
    """The lines from the next row on. `damage` is why there are no more, if the file says so."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = (block for block in blocks if len(block))
        self._held: list[Line] = []
        self._sums: list[int] = []  # bytes to the end of each of the lines that were searched
        self._start = 0  # of the next row in `_held`
        self.open_to = self.fails_to = 0  # places in `_held`, found out by searches
        self.damage: FileError | OSError | None = None

    def text(self) -> Text | None:
        """The next block, which is dropped, if it is a text and no line before it is held."""
        if self._start < len(self._held):
            return None
        block = self._next()
        if isinstance(block, Text):
            return block
        self._held += block
        return None

    def hold(self, text: Text) -> None:
        """Take a text back, line by line."""
        self._held += text.lines()

    def first(self, most: int) -> list[Line]:
        """The next lines, at most so many. They stay."""
        self._pull(self._start)
        return self._held[self._start : self._start + most]

    def drop(self, count: int) -> None:
        """The next row begins so many lines on."""
        self._start += count
        if self._start > 4096 and 2 * self._start > len(self._held):
            del self._held[: self._start], self._sums[: self._start]
            self.open_to -= self._start
            self.fails_to -= self._start
            self._start = 0

    def search(self, most: int) -> "Search":
        """The lines from the next on, until they have `most` bytes."""
        return Search(self, self._start, most)

    def at(self, place: int) -> Line | None:
        self._pull(place)
        return self._held[place] if place < len(self._held) else None

    def size(self, start: int, end: int) -> int:
        """Bytes of the lines at the places from `start` to before `end`."""
        while len(self._sums) < end:
            before = self._sums[-1] if self._sums else 0
            self._sums.append(before + len(self._held[len(self._sums)].content) + 1)
        return self._sums[end - 1] - self._sums[start] + len(self._held[start].content) + 1

    def _pull(self, place: int) -> None:
        """Hold the line at a place, if there is one."""
        while place >= len(self._held) and (block := self._next()):
            self._held += block.lines() if isinstance(block, Text) else block

    def _next(self) -> Block:
        if self.damage is None:
            try:
                return next(self._blocks)
            except StopIteration:
                pass
            except (FileError, OSError) as error:  # the lines before it are held all the same
                self.damage = error
        return []


class Search(Iterator[Line]):
    """The lines in which the quote that the first one opens may be closed.

    Lines that an earlier search went through with an open quote are left out.
    """

    def __init__(self, held: Held, start: int, most: int) -> None:
        self._held = held
        self._start = self._next = start
        self._most = most
        self._is_known = self._is_exhausted = False
        self.is_open = False

    @property
    def lines(self) -> int:
        """So many have been gone through."""
        return self._next - self._start

    def fails(self) -> None:
        """Note for other searches that this one found no end."""
        if not self.is_open or self._is_known:
            return
        if self._is_exhausted:
            self._held.open_to = max(self._held.open_to, self._next)
        else:
            self._held.fails_to = max(self._held.fails_to, self._next - 1)

    def __next__(self) -> Line:
        if self._next > self._start:
            self.is_open = True
            if self._next <= self._held.fails_to:
                self._is_known = True
                raise StopIteration
            self._next = max(self._next, self._held.open_to)
            if self._held.size(self._start, self._next) >= self._most:
                self._is_exhausted = True
                raise StopIteration
        line = self._held.at(self._next)
        if line is None or (self.is_open and line.is_too_long):
            self._is_exhausted = True
            raise StopIteration
        self._next += 1
        return line

"""Lines of a CSV file as a table, where each is one row and nothing about them is unusual.

Arrow splits them many times faster than `cells.py` does. Lines that the two might read in different
ways are left to `cells.py`.

>>> table_of = reader(["id", "note"], ",", '"', "utf-8")
>>> table_of(Text(2, b'1,"a"\\n2,b')).row(0).values
{'id': '1', 'note': 'a'}
>>> table_of(Text(2, b'1,"a\\n2,b"')) is None
True
"""

import codecs
import re
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING

from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Text

if TYPE_CHECKING:
    from rapport.vendors.reading.table import Table


class FileTable:
    """Rows of a file: `table` has their cells, `numbers` are those of their lines."""

    def __init__(self, table: "Table", text: Text, numbers: Sequence[int]) -> None:
        self.table, self.text, self.numbers = table, text, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, place: int) -> Row:
        """One row by itself."""
        return self.rows_at([place])[0]

    def rows(self) -> list[Row]:
        """Each row by itself."""
        originals = map(self.original, range(len(self)))
        return list(map(Row, self.numbers, originals, self.table.rows()))

    def rows_at(self, places: Sequence[int]) -> list[Row]:
        """Some rows, each by itself."""
        return self.take(places).rows()

    def original(self, place: int) -> bytes:
        """The line of a row without its end."""
        return self._lines[self.numbers[place] - self.text.number].rstrip(b"\r")

    def take(self, places: Sequence[int]) -> "FileTable":
        """The rows at these places."""
        if len(places) == len(self):
            return self
        numbers = [self.numbers[place] for place in places]
        return FileTable(self.table.take(places), self.text, numbers)

    @cached_property
    def _lines(self) -> list[bytes]:
        return self.text.content.split(b"\n")


def reader(
    names: Sequence[str], delimiter: str, quote: str | None, encoding: str
) -> Callable[[Text], FileTable | None] | None:
    """Makes a table of a text that begins with a row; gives None where one of its lines needs care.

    None where all rows of such a file do.
    """
    is_usual = len(delimiter) == 1 and (delimiter + (quote or "")).isascii()
    if not is_usual or len(names) < 2 or quote in (delimiter, "\n"):
        return None
    import pyarrow  # only here: it takes a moment, and memory
    from pyarrow import csv

    from rapport.vendors.reading.table import Table

    texts = csv.ConvertOptions(
        column_types=dict.fromkeys(names, pyarrow.string()),
        strings_can_be_null=False,
        check_utf8=False,
    )

    def table_of(text: Text) -> FileTable | None:
        content = _as_utf8(text, encoding)
        if content is None:
            return None
        is_quoted = quote is not None and quote.encode() in content
        if is_quoted and not _well_quoted(delimiter, quote or "").fullmatch(content):
            return None
        try:
            read = csv.read_csv(
                pyarrow.py_buffer(content),
                csv.ReadOptions(column_names=names, block_size=len(content), use_threads=False),
                csv.ParseOptions(delimiter=delimiter, quote_char=is_quoted and quote),
                texts,
            )
        except pyarrow.ArrowInvalid:  # a row has more or fewer cells than there are names
            return None
        if len(read) != text.size:  # a line is blank
            return None
        numbers = range(text.number, text.number + len(read))
        columns = {name: read[name].combine_chunks() for name in names}
        return FileTable(Table(columns), text, numbers)

    return table_of


def _as_utf8(text: Text, encoding: str) -> bytes | None:
    """The lines in UTF-8, each with its end; None where one has another end in it."""
    content = text.content
    try:
        decoded = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    if encoding != "utf-8":
        content = decoded.encode()
        if content.count(b"\n") + 1 != text.size:
            return None
    content += b"\n"
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n")
    if b"\r" in content or content.startswith(codecs.BOM_UTF8):
        return None
    return content


@cache
def _well_quoted(delimiter: str, quote: str) -> re.Pattern[bytes]:
    """Rows whose cells are quoted as a whole or not at all, and end where their line does."""
    q, d = (re.escape(sign) for sign in (quote, delimiter))
    cell = rf"{q}[^{q}\n]*+(?:{q}{q}[^{q}\n]*+)*+{q}|[^{q}{d}\n]*+"
    return re.compile(rf"(?>(?:{cell})[{d}\n])*+".encode())

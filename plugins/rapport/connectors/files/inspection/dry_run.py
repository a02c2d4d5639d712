"""Reads a dataset as a load does, and lands nothing: what would land, what not, and why.

>>> for found in dry_run(stream): print(found.landing)  # doctest: +SKIP
1015
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from rapport.connectors.files.row_keys import said_of
from rapport.connectors.files.rows import Rows
from rapport.errors import GiveUp
from rapport.vendors.http import Client
from rapport.vendors.mapped import KEY
from rapport.vendors.reading import cells
from rapport.vendors.reading.columns import UNKNOWN_WORD
from rapport.vendors.reading.problems import shape
from rapport.vendors.reading.row import LINES, READ
from rapport.vendors.source import Page

EXAMPLES, MOST_WORDS = 3, 200
_REASON = re.compile(r"(?P<file>.*) line (?P<line>\d+): (?P<why>.*)", re.DOTALL)
_WRITTEN = re.compile(r" \(written like (?P<shape>.*?)\)", re.DOTALL)
_COLUMN = re.compile(r"column (?P<column>.*?)(?:: | is )")


@dataclass
class Rejection:
    """Rows that are rejected for one reason, with the places of the first three."""

    column: str | None
    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Held:
    """What a column of the entity would hold."""

    filled: int = 0
    example: str | None = None


@dataclass
class Found:
    """What a load of the dataset would do. Counts are of rows, `objects` of what they make."""

    dataset: str
    read: int = 0
    objects: int = 0
    rejected: int = 0
    excluded: int = 0
    nobody: int = 0
    rejections: dict[str, Rejection] = field(default_factory=dict)
    columns: dict[str, Held] = field(default_factory=dict)
    unknown_words: dict[str, Counter[str]] = field(default_factory=dict)
    odd: dict[str, Counter[str]] = field(default_factory=dict)
    problem: str | None = None
    said: str | None = None

    @property
    def landing(self) -> int:
        """The rows that would land."""
        return self.read - self.rejected

    @property
    def is_good(self) -> bool:
        """Whether every file is readable and no row is rejected."""
        return self.problem is None and not self.rejected

    def as_data(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "dataset": self.dataset,
            "read": self.read,
            "would_land": self.landing,
            "objects": self.objects,
            "rejected": self.rejected,
            "excluded": self.excluded,
            "without_person": self.nobody,
            "rejections": {
                reason: {"column": one.column, "rows": one.count, "examples": one.examples}
                for reason, one in self.rejections.items()
            },
            "columns": {
                name: {"filled": held.filled, "example": held.example}
                for name, held in self.columns.items()
            },
            "unknown_words": {name: dict(found) for name, found in self.unknown_words.items()},
            "odd": {name: dict(found) for name, found in self.odd.items()},
            "rows": self.said,
            "problem": self.problem,
        }


def dry_run(stream: Rows, progress: Callable[[int], None] = lambda rows: None) -> Found:
    """Read all files of the stream; `progress` is called with the rows so far, page by page."""
    found = Found(stream.name, said=_said(stream))
    for name in stream.dataset.columns:
        found.columns[name] = Held()
    try:
        for page in stream.pages(Client("", name="files"), None, datetime.now(UTC)):
            _take(found, stream, page)
            progress(found.read)
    except GiveUp as error:
        found.problem = str(error)
    return found


def canonical(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The canonical values of a payload: what `_read` says, else the cell as it stands.

    `columns` are those of the stream's `row_reader`.

    >>> canonical({"id": "7", "sum": "1,5", "_read": {"amount": "1.5"}}, {"order_id": "id"})
    {'order_id': '7', 'amount': '1.5'}
    """
    read = row[READ]
    plain = {
        name: text
        for name, column in columns.items()
        if name not in read and (text := cells.text(row.get(column)))
    }
    return {**plain, **{name: value for name, value in read.items() if value is not None}}


def _said(stream: Rows) -> str:
    """How rows make objects."""
    identity = stream.identity
    if (said := said_of(stream.dataset)) is not None:
        return said
    if identity.kind == "lines":
        return f"rows with one {identity.column} are lines of one order and are added up"
    key = ", ".join(stream.dataset.key)
    rows = stream.dataset.rows
    if rows == "snapshot":
        return f"the newest file is all there is; a row is known by {key or 'its content'}"
    if rows == "versions":
        return f"rows with one {key} are versions; the newest counts"
    return f"a row is known by {key}" if key else "each row is an event of its own"


def _take(found: Found, stream: Rows, page: Page) -> None:
    for record in page.records:
        row = msgspec.json.decode(record)
        read = canonical(row, stream.row_reader.columns)
        lines = 1 + len(row[READ].get(LINES, ()))
        found.read += lines
        found.objects += 1
        if read.get("excluded"):
            found.excluded += lines
            continue
        found.nobody += str(read.get("profile", "")).startswith("row:")
        _take_values(found, read)
    for one in page.rejected:
        found.read += 1
        found.rejected += 1
        _take_rejected(found, one.reason)


def _take_values(found: Found, read: Mapping[str, Any]) -> None:
    for name, value in read.items():
        if name in ("odd", "profile", KEY, LINES):
            continue
        held = found.columns.setdefault(name, Held())
        held.filled += 1
        if held.example is None:
            held.example = shape(cells.text(value))
    for name, reason in read.get("odd", {}).items():
        _, is_word, word = reason.partition(f"{UNKNOWN_WORD} ")
        if not is_word:
            found.odd.setdefault(name, Counter())[reason] += 1
            continue
        words = found.unknown_words.setdefault(name, Counter())
        if word in words or len(words) < MOST_WORDS:
            words[word] += 1


def _take_rejected(found: Found, text: str) -> None:
    match = _REASON.fullmatch(text)
    file, line, why = match.group("file", "line", "why") if match else ("", "0", text)
    written = _WRITTEN.search(why)
    reason = _WRITTEN.sub("", why, count=1)
    column = _COLUMN.match(reason)
    # A reason that names a line of its own is one for all lines.
    reason = re.sub(r", in the order of line \d+$", "", reason)
    one = found.rejections.setdefault(reason, Rejection(column["column"] if column else None))
    one.count += 1
    if len(one.examples) < EXAMPLES:
        example = {
            "file": file,
            "line": int(line),
            "written": written["shape"] if written else None,
        }
        one.examples.append(example)

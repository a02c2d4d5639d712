"""The stream of a dataset of files: which files are read, and what becomes of each row.

The position is the state of each file, so that a file that has not changed is not read again.

>>> from rapport.connectors.files.datasets import Dataset
>>> orders = Dataset(path="in/*.csv", format="csv", entity="orders", key=["id"])
>>> Rows(name="shop", dataset=orders).key
('id',)
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rapport.connectors.files import formats, google_sheets
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.order_lines import Line, Order, grouped
from rapport.connectors.files.places import File, FileError, find
from rapport.connectors.files.row import Row
from rapport.connectors.files.row_keys import ID, PLACE, Identity, RowIds, identity_of, said_of
from rapport.connectors.files.text import lines
from rapport.errors import GiveUp
from rapport.vendors.http import Client
from rapport.vendors.mapped import LINES, MappedSource, MappedStream
from rapport.vendors.reading.problems import Unreadable, UnreadableLine
from rapport.vendors.source import Page, Position, Rejected

log = logging.getLogger(__name__)

PAGE_ROWS, PAGE_BYTES = 5_000, 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Rows(MappedStream):
    """The rows of all files of a dataset."""

    dataset: Dataset

    @classmethod
    def of(cls, name: str, dataset: Dataset, source: MappedSource) -> "Rows":
        """The stream of a dataset."""
        identity = identity_of(dataset)
        return cls(
            name=name,
            key=dataset.key if identity.kind == "key" else identity.key,
            dataset=dataset,
            enabled=dataset.enabled,
            company=source.company,
            questions=source.questions(name),
            replaces=dataset.rows == "snapshot" or identity.kind == "content",
            most_missing=1.0 if identity.kind == "content" else cls.most_missing,
        )

    @property
    def identity(self) -> Identity:
        """How the rows are told apart."""
        return identity_of(self.dataset)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = (position or {}).get("files", {})
        if (position or {}).get("definition") != self.reading:
            known = {}
            if (said := said_of(self.dataset)) is not None:
                log.info("files %s: %s", self.name, said)
        files = self.files()
        if not files:
            log.warning("files %s: no file at %s", self.name, self.dataset.path)
        done = {file.name: known[file.name] for file in files if file.name in known}
        problems: list[str] = []
        for file in files:
            try:
                stamp = file.stamp()
                if done.get(file.name) == stamp:
                    continue
                yield from self._pages_of(file)
            except (FileError, OSError) as error:
                reason = error if isinstance(error, FileError) else type(error).__name__
                problems.append(f"{file.name} {reason}.")
                continue
            done[file.name] = stamp
            yield Page((), position={"definition": self.reading, "files": dict(done)})
        if problems:
            raise GiveUp(
                f"files {self.name}: {len(problems)} of {len(files)} files not read to the end: "
                f"{' '.join(problems[:5])} The others landed; run again when these are good."
            )

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The keys of the files that are there, for datasets that are replaced as a whole."""
        for file in self.files():
            for page in self._pages_of(file):
                yield [self.read_key(record).key for record in page.records]

    def files(self) -> Sequence[File]:
        """The files to read: all, or the newest by name of a snapshot.

        Raises `GiveUp` where rows could be in several files and nothing says which are the same.
        """
        if self.dataset.format == "google_sheet":
            return google_sheets.find(self.dataset)
        files = find(self.dataset.path, self.dataset.conn_id)
        if self.dataset.rows == "snapshot":
            return files[-1:]
        if self.identity.kind == "content" and len(files) > 1:
            raise GiveUp(
                f"files {self.name}: {len(files)} files and no key, so that a row could count "
                "twice. Write in rapport.yml which columns tell rows apart (`key: [...]`), or "
                "`rows: events` where each row is a thing of its own, or `rows: snapshot` where "
                "only the newest file counts."
            )
        return files

    def _pages_of(self, file: File) -> Iterator[Page]:
        records: list[bytes] = []
        rejected: list[Rejected] = []
        size = 0
        odd: Counter[tuple[str, str]] = self.row_reader.odd
        odd.clear()
        damage: FileError | OSError | None = None
        landing = self._landing(file)
        while True:
            try:
                record, refused = next(landing)
            except StopIteration:
                break
            except (FileError, OSError) as error:
                damage = error
                break
            if record is not None:
                records.append(record)
                size += len(record)
            for one in refused:
                rejected.append(one)
                size += len(one.original)
            if len(records) + len(rejected) >= PAGE_ROWS or size >= PAGE_BYTES:
                yield Page(records, rejected=rejected, odd=dict(odd))
                records, rejected, size = [], [], 0
                odd.clear()
        yield Page(records, rejected=rejected, odd=dict(odd))
        if damage is not None:
            raise damage

    def _landing(self, file: File) -> Iterator[tuple[bytes | None, Sequence[Rejected]]]:
        """Each record that lands, and what is rejected."""
        if self.identity.kind == "lines":
            yield from self._orders(file)
            return
        identity = file.name
        if self.dataset.format == "access_log":
            identity = _first_line(file)
        ids = RowIds(self.identity, identity)
        for row in self.rows(file):
            try:
                if row.problem is not None:
                    raise Unreadable(row.problem)
                yield self._record(row, identity, ids), ()
            except Unreadable as error:
                yield None, (_rejected(file, row.number, row.original, error),)

    def _record(self, row: Row, identity: str, ids: RowIds) -> bytes:
        match self.identity.kind:
            case "key":
                for column in self.dataset.key if self.dataset.format != "ndjson" else ():
                    if row.values.get(column) in (None, ""):
                        raise Unreadable(f"column {column} is empty and belongs to the key")
                return self.payload(row.values, row.json)
            case "place":
                digest = hashlib.blake2b(row.original, digest_size=8).hexdigest()
                place: dict[str, Any] = dict(
                    zip(PLACE, (identity, row.number, digest), strict=True)
                )
                json = None if row.json and place.keys() & row.values.keys() else row.json
                return self.payload({**row.values} if json is None else row.values, json, **place)
            case _:
                return self.payload(row.values, row.json, **{ID: ids.of(row.values)})

    def _orders(self, file: File) -> Iterator[tuple[bytes | None, Sequence[Rejected]]]:
        refused: list[Rejected] = []
        for order in grouped(self._lines(file, refused), lambda: self._lines(file, [])):
            yield self._order(file, order, refused)
            refused.clear()
        yield None, refused

    def _lines(self, file: File, refused: list[Rejected]) -> Iterator[Line]:
        ids = RowIds(self.identity, file.name)
        last: str | None = None
        for row in self.rows(file):
            if row.problem is not None:
                refused.append(_rejected(file, row.number, row.original, Unreadable(row.problem)))
                continue
            said = ids.said(row.values)
            if said is None and last is not None and self.row_reader.is_continued(row.values):
                said = last
            last = said
            id = said if said is not None else ids.of(row.values)
            yield Line(id, dict(row.values), row.number, row.original)

    def _order(
        self, file: File, order: Order, refused: Sequence[Rejected]
    ) -> tuple[bytes | None, Sequence[Rejected]]:
        rows = [line.values for line in order.lines]
        is_said = self.dataset.rows == "lines"
        try:
            read = self.row_reader.read_lines(rows, is_said=is_said)
        except Unreadable as error:
            return None, (*refused, *_rejected_order(file, order, error))
        more: dict[str, Any] = {ID: order.id}
        if len(rows) > 1:
            more[LINES] = rows[1:]
        return self.payload_of(rows[0], None, read, **more), tuple(refused)

    def rows(self, file: File) -> Iterator[Row]:
        """The rows of a file; raises `FileError` where it cannot be read to its end."""
        with file.open() as opened:
            yield from formats.rows(opened, self.dataset, self.row_reader.needed)


def _rejected(file: File, number: int, original: bytes, error: Unreadable) -> Rejected:
    return Rejected(original, f"{file.name} line {number}: {error}")


def _rejected_order(file: File, order: Order, error: Unreadable) -> Iterator[Rejected]:
    """Every line of an order, because the others alone would be another order."""
    for place, line in enumerate(order.lines):
        is_other = isinstance(error, UnreadableLine) and place != error.place
        reason = Unreadable("another line of its order cannot be read") if is_other else error
        yield _rejected(file, line.number, line.original, reason)


def _first_line(file: File) -> str:
    with file.open() as opened:
        for line in lines(opened):
            return f"log-{hashlib.sha256(line.content).hexdigest()[:16]}"
    return file.name

"""The stream of a dataset of files: which files are read, and what becomes of each row.

The position is the state of each file, so that a file that has not changed is not read again.

>>> from rapport.connectors.files.datasets import Dataset
>>> orders = Dataset(path="in/*.csv", format="csv", entity="orders", key=["id"])
>>> Rows(name="shop", dataset=orders).key
('id',)
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from rapport.connectors.files import formats, google_sheets
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.order_lines import Line, Order, OrderLines
from rapport.connectors.files.places import File, FileError, find
from rapport.connectors.files.row import Row
from rapport.connectors.files.row_keys import PLACE, TOTALS, Identity, RowIds, identity_of, said_of
from rapport.connectors.files.text import lines
from rapport.errors import GiveUp
from rapport.vendors.http import Client
from rapport.vendors.mapped import MappedSource, MappedStream
from rapport.vendors.reading import cells
from rapport.vendors.reading.problems import Unreadable, UnreadableLine
from rapport.vendors.reading.row import LINES, OWN_KEY
from rapport.vendors.source import Page, Position, Rejected

log = logging.getLogger(__name__)

PAGE_ROWS, PAGE_BYTES = 5_000, 8 * 1024 * 1024
# Between two looks at the size: as many rows of the largest size fit into memory.
AT_ONCE = 16
NO_ORDER = "the row is of no order; say `skip_foot` for lines of sums, or `rows: lines`"
Item = TypeVar("Item", Row, Line, Order)
# Records that land, and what is rejected beside them.
Landing = tuple[list[bytes], list[Rejected]]


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
        landing = self._orders if self.identity.kind == "lines" else self._single
        odd = self.row_reader.odd
        odd.clear()
        for records, rejected in landing(file):
            yield Page(records, rejected=rejected, odd=dict(odd))
            odd.clear()

    def _single(self, file: File) -> Iterator[Landing]:
        """Rows that are each a record."""
        identity = file.name
        if self.dataset.format == "access_log":
            identity = _first_line(file)
        ids = self._ids(identity)
        for rows in chunks(self.rows(file)):
            rejected = [_rejected(file, row, row.problem) for row in rows if row.problem]
            good: list[Row] = []
            for row in rows:
                if row.problem is None:
                    if empty := self._empty_key(row):
                        rejected.append(_rejected(file, row, empty))
                    else:
                        good.append(row)
            yield self._landing(
                file, good, [self._more(row, identity, ids) for row in good], rejected
            )

    def _landing(
        self, file: File, rows: Sequence[Row], more: Sequence[Any], rejected: list[Rejected]
    ) -> Landing:
        read = self.payloads([row.values for row in rows], [row.json for row in rows], more)
        records = [one for one in read if isinstance(one, bytes)]
        if len(records) < len(read):
            rejected += [
                _rejected(file, row, str(one))
                for row, one in zip(rows, read, strict=True)
                if isinstance(one, Unreadable)
            ]
        return records, rejected

    def _ids(self, file: str) -> RowIds:
        return RowIds(self.identity, file, self.dataset.entity, self.company.blocked)

    def _empty_key(self, row: Row) -> str | None:
        """Why the key of a row tells it apart from no other."""
        if self.identity.kind != "key":
            return None
        for column in self.dataset.key:
            found = cells.text(cells.at(row.values, column))
            if not found:
                return f"column {column} is empty and belongs to the key"
            if found.casefold() in cells.NOTHING or self._is_nobody(column, found):
                return f"column {column} stands for nothing and belongs to the key"
        return None

    def _is_nobody(self, column: str, found: str) -> bool:
        """Whether the only column of a key says who it is, and says nobody."""
        if len(self.dataset.key) > 1 or self.dataset.entity not in ("contacts", "consent_events"):
            return False
        named = self.row_reader.columns
        if named.get("email") == column:
            return not any(map(cells.is_address, cells.addresses(found)))
        is_person = column in (named.get("customer_id"), named.get("user_id"))
        return is_person and self.company.blocked.blocks("customer_id", found) is not None

    def _more(self, row: Row, identity: str, ids: RowIds) -> dict[str, Any]:
        """The members of the payload that make the row's key."""
        if self.identity.kind == "key":
            return {}
        if self.identity.kind == "place":
            digest = hashlib.blake2b(row.original, digest_size=8).hexdigest()
            return dict(zip(PLACE, (identity, row.number, digest), strict=True))
        return {OWN_KEY: ids.of(row.values)}

    def _orders(self, file: File) -> Iterator[Landing]:
        """Orders, each with its lines."""
        lines = OrderLines()
        rejected: list[Rejected] = []
        for some in self._lines(file, rejected):
            yield self._of_orders(file, lines.add(some), rejected)
            rejected.clear()
        yield self._of_orders(file, lines.rest(), rejected)
        again = (line for some in self._lines(file, []) for line in some)
        for orders in chunks(lines.apart(again)):
            yield self._of_orders(file, orders, [])

    def _lines(self, file: File, rejected: list[Rejected]) -> Iterator[list[Line]]:
        """The rows with the ids of their orders; one without may go on with the order before."""
        ids = self._ids(file.name)
        last: str | None = None
        for rows in chunks(self.rows(file)):
            rejected += [_rejected(file, row, row.problem) for row in rows if row.problem]
            good = [row for row in rows if row.problem is None]
            lines = []
            for row, said in zip(good, ids.said_of([row.values for row in good]), strict=True):
                if said is None and last is not None and self._is_continued(row):
                    said = last
                if (said is None or said.casefold() in TOTALS) and self._is_of_nothing(row):
                    rejected.append(_rejected(file, row, NO_ORDER))
                    continue
                last = said
                lines.append(Line(said if said is not None else ids.of(row.values), row))
            yield lines

    def _is_continued(self, row: Row) -> bool:
        return self.row_reader.is_continued(row.values, is_said=self.dataset.rows == "lines")

    def _is_of_nothing(self, row: Row) -> bool:
        """Whether no cell of the row says of which order it is."""
        return self.row_reader.is_continued(row.values)

    def _of_orders(
        self, file: File, orders: Sequence[Order], rejected: Sequence[Rejected]
    ) -> Landing:
        single = [order[0] for order in orders if len(order) == 1]
        rows, more = [line.row for line in single], [{OWN_KEY: line.id} for line in single]
        records, refused = self._landing(file, rows, more, list(rejected))
        for order in orders:
            if len(order) > 1:
                try:
                    records.append(self._of_lines(order))
                except Unreadable as error:
                    refused += _rejected_order(file, order, error)
        return records, refused

    def _of_lines(self, order: Order) -> bytes:
        rows = [dict(line.row.values) for line in order]
        read = self.row_reader.read_lines(rows, is_said=self.dataset.rows == "lines")
        read[LINES] = rows[1:]
        return self.payload_of(rows[0], None, read, **{OWN_KEY: order[0].id})

    def rows(self, file: File) -> Iterator[Row]:
        """The rows of a file; raises `FileError` where it cannot be read to its end."""
        with file.open() as opened:
            yield from formats.rows(opened, self.dataset, self.row_reader.needed)


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of bounded length and size; what came before an error comes first."""
    damage: list[Exception] = []
    whole = _until_damage(items, damage)
    some: list[Item] = []
    size = 0
    while few := list(islice(whole, AT_ONCE)):
        some += few
        size += sum(map(_size, few))
        if len(some) >= PAGE_ROWS or size >= PAGE_BYTES:
            yield some
            some, size = [], 0
    yield some
    if damage:
        raise damage[0]


def _until_damage(items: Iterable[Item], damage: list[Exception]) -> Iterator[Item]:
    try:
        yield from items
    except (FileError, OSError) as error:
        damage.append(error)


def _size(item: Row | Line | Order) -> int:
    if isinstance(item, Row):
        return len(item.original)
    return sum(map(_size, item)) if isinstance(item, list) else len(item.row.original)


def _rejected(file: File, row: Row, reason: str) -> Rejected:
    return Rejected(row.original, f"{file.name} line {row.number}: {reason}")


def _rejected_order(file: File, order: Order, error: Unreadable) -> Iterator[Rejected]:
    """Every line of an order, because the others alone would be another order."""
    for place, line in enumerate(order):
        is_other = isinstance(error, UnreadableLine) and place != error.place
        reason = "another line of its order cannot be read" if is_other else str(error)
        yield _rejected(file, line.row, reason)


def _first_line(file: File) -> str:
    with file.open() as opened:
        for line in lines(opened):
            return f"log-{hashlib.sha256(line.content).hexdigest()[:16]}"
    return file.name

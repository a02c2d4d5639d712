"""What becomes of the rows of one file: records that land, and rows that are rejected.

Rows come in lists, or in tables, which cost much less; what lands of them is the same.

>>> pages = FileRows(stream, dataset, identity_of(dataset), file).pages()  # doctest: +SKIP
>>> next(pages).records[0]  # doctest: +SKIP
b'{"_read":{"profile":"K-1","key":"A-1"},"id":"A-1","customer":"K-1"}'
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, TypeVar, cast

from rapport.connectors.files import formats
from rapport.connectors.files.csv_tables import FileTable
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.order_lines import Line, Order, OrderLines
from rapport.connectors.files.places import File, FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.row_keys import PLACE, TOTALS, Identity, RowIds
from rapport.connectors.files.text import lines
from rapport.vendors.mapped import MappedStream
from rapport.vendors.reading import cells
from rapport.vendors.reading.many import is_plain
from rapport.vendors.reading.problems import Unreadable, UnreadableLine
from rapport.vendors.reading.row import LINES, OWN_KEY
from rapport.vendors.source import Page, Rejected

PAGE_ROWS, PAGE_BYTES = 5_000, 8 * 1024 * 1024
# Between two looks at the size: as many rows of the largest size fit into memory.
AT_ONCE = 16
NO_ORDER = "the row is of no order; say `skip_foot` for lines of sums, or `rows: lines`"
Item = TypeVar("Item", Row, Line, Order)
CellsOf = Callable[[str], Sequence[Any]]


class FileRows:
    """The rows of one file of a dataset; `stream` is the dataset's, which reads them."""

    def __init__(
        self, stream: MappedStream, dataset: Dataset, identity: Identity, file: File
    ) -> None:
        self._stream, self._dataset, self._identity, self._file = stream, dataset, identity, file
        # Where rows are that are known by their place.
        self._place = _first_line(file) if dataset.format == "access_log" else file.name

    def pages(self) -> Iterator[Page]:
        """Raises `FileError` where the file cannot be read to its end, after what can be read."""
        self._stream.row_reader.odd.clear()
        return self._orders() if self._identity.kind == "lines" else self._single()

    def _single(self) -> Iterator[Page]:
        """Rows that are each a record."""
        ids = self._ids(self._place)
        for piece in self._pieces():
            if isinstance(piece, FileTable):
                empty = self._empty_keys(piece.table.cells)
                rejected = [self._rejected(piece.row(at), empty[at]) for at in sorted(empty)]
                table = piece.take([at for at in range(len(piece)) if at not in empty])
                yield self._of_table(table, self._key_columns(table, ids), rejected)
                continue
            rows, rejected = self._good(piece)
            empty = self._empty_keys(_cells_of(rows))
            rejected += [self._rejected(rows[at], empty[at]) for at in sorted(empty)]
            rows = [row for at, row in enumerate(rows) if at not in empty]
            yield self._of_rows(rows, [self._key_members(row, ids) for row in rows], rejected)

    def _orders(self) -> Iterator[Page]:
        """Orders, each with its lines."""
        lines = OrderLines()
        ids = self._ids(self._file.name)
        for piece in self._pieces():
            if isinstance(piece, FileTable) and (said := ids.of_orders(piece.table.cells)):
                alone, orders = lines.add_table(said, piece.rows_at)
                yield self._of_orders(orders, [])
                keys = {OWN_KEY: [said[at] for at in alone]}
                yield self._of_table(piece.take(alone), keys, [])
            else:
                rows, rejected = self._good(piece)
                some = list(self._lines(rows, ids, rejected))
                yield self._of_orders(lines.add(some), rejected)
        yield self._of_orders(lines.rest(), [])
        for some_orders in chunks(lines.apart(self._lines_apart(lines))):
            yield self._of_orders(some_orders, [])

    def _pieces(self) -> Iterator[list[Row] | FileTable]:
        """Rows in lists of bounded length, and tables."""
        with self._file.open() as opened:
            needed = self._stream.row_reader.needed
            found = formats.rows_and_tables(opened, self._dataset, needed)
            for is_table, some in groupby(found, lambda one: isinstance(one, FileTable)):
                if is_table:
                    yield from cast(Iterator[FileTable], some)
                else:
                    yield from chunks(cast(Iterator[Row], some))

    def _lines_apart(self, lines: OrderLines) -> Iterator[Line]:
        """The lines of the orders whose lines stand apart, from the whole file once more."""
        ids = self._ids(self._file.name)
        for piece in self._pieces():
            if isinstance(piece, FileTable) and (said := ids.of_orders(piece.table.cells)):
                places = [at for at, id in enumerate(said) if lines.is_apart(id)]
                yield from map(Line, (said[at] for at in places), piece.rows_at(places))
            else:
                some = self._lines(self._good(piece)[0], ids, [])
                yield from (line for line in some if lines.is_apart(line.id))

    def _good(self, piece: list[Row] | FileTable) -> tuple[list[Row], list[Rejected]]:
        """The rows without those that could not be taken apart."""
        rows = piece.rows() if isinstance(piece, FileTable) else piece
        rejected = [self._rejected(row, row.problem) for row in rows if row.problem is not None]
        return [row for row in rows if row.problem is None], rejected

    def _rejected(self, row: Row, reason: str) -> Rejected:
        return Rejected(row.original, f"{self._file.name} line {row.number}: {reason}")

    def _of_rows(self, rows: Sequence[Row], more: Sequence[Any], rejected: list[Rejected]) -> Page:
        records, unreadable = self._read(rows, more)
        numbers = [row.number for at, row in enumerate(rows) if at not in unreadable]
        rejected += [self._rejected(rows[at], str(error)) for at, error in unreadable.items()]
        return self._page(records, numbers, rejected)

    def _read(
        self, rows: Sequence[Row], more: Sequence[Any]
    ) -> tuple[list[bytes], dict[int, Unreadable]]:
        """The payloads of the rows that can be read, and the others by their places."""
        read = self._stream.payloads([row.values for row in rows], [row.json for row in rows], more)
        unreadable = {at: one for at, one in enumerate(read) if isinstance(one, Unreadable)}
        return [one for one in read if isinstance(one, bytes)], unreadable

    def _of_table(
        self, table: FileTable, more: Mapping[str, Sequence[Any]], rejected: list[Rejected]
    ) -> Page:
        """`more` are the columns of the payload that make the key of each row."""
        read = self._stream.payloads_of(table.table, more)
        if read is None:
            members = [{name: more[name][at] for name in more} for at in range(len(table))]
            return self._of_rows(table.rows(), members, rejected)
        records, unreadable = read
        numbers, keys = table.numbers, more.get(OWN_KEY)
        if self._identity.kind == "key" and len(self._dataset.key) == 1:
            keys = table.table.cells(self._dataset.key[0])
        if unreadable:
            rejected += [self._rejected(table.row(at), str(unreadable[at])) for at in unreadable]
            good = [at for at in range(len(table)) if at not in unreadable]
            records, numbers = [records[at] for at in good], [numbers[at] for at in good]
            keys = keys and [keys[at] for at in good]
        return self._page(records, numbers, rejected, keys)

    def _page(
        self,
        records: Sequence[bytes],
        numbers: Sequence[int],
        rejected: Sequence[Rejected],
        keys: Sequence[str] | None = None,
    ) -> Page:
        """`numbers` are those of the records' lines."""
        odd = dict(self._stream.row_reader.odd)
        self._stream.row_reader.odd.clear()

        def where(at: int) -> str:
            return f"{self._file.name} line {numbers[at]}"

        return Page(records, rejected=rejected, odd=odd, keys=keys, where=where)

    def _key_members(self, row: Row, ids: RowIds) -> dict[str, Any]:
        """The members of the payload that make the row's key."""
        if self._identity.kind == "key":
            return {}
        if self._identity.kind == "place":
            return dict(zip(PLACE, (self._place, row.number, _digest(row.original)), strict=True))
        return {OWN_KEY: ids.of(row.values)}

    def _key_columns(self, table: FileTable, ids: RowIds) -> dict[str, Sequence[Any]]:
        """As `_key_members`, for every row of a table."""
        if self._identity.kind == "key":
            return {}
        if self._identity.kind == "place":
            digests = [_digest(table.original(at)) for at in range(len(table))]
            places = [self._place] * len(table)
            return dict(zip(PLACE, (places, table.numbers, digests), strict=True))
        if self._identity.kind == "id" and None not in (said := ids.said_of(table.table.cells)):
            return {OWN_KEY: said}
        return {OWN_KEY: [ids.of(row) for row in table.table.rows()]}

    def _empty_keys(self, cells_of: CellsOf) -> dict[int, str]:
        """The rows, by their places, whose key tells them apart from no other; with the reason."""
        if self._identity.kind != "key":
            return {}
        found: dict[int, str] = {}
        for column in self._dataset.key:
            given = cells_of(column)
            may_be_nobody = self._names_somebody(column)
            if not may_be_nobody and is_plain("id", given):
                continue
            for at, cell in enumerate(given):
                text = cells.text(cell)
                if not text:
                    found.setdefault(at, f"column {column} is empty and belongs to the key")
                elif text.casefold() in cells.NOTHING or (
                    may_be_nobody and self._is_nobody(column, text)
                ):
                    said = f"column {column} stands for nothing and belongs to the key"
                    found.setdefault(at, said)
        return found

    def _names_somebody(self, column: str) -> bool:
        """Whether the only column of a key says who it is."""
        if len(self._dataset.key) > 1:
            return False
        return self._dataset.entity in ("contacts", "consent_events")

    def _is_nobody(self, column: str, found: str) -> bool:
        named = self._stream.row_reader.columns
        if named.get("email") == column:
            return not any(map(cells.is_address, cells.addresses(found)))
        is_person = column in (named.get("customer_id"), named.get("user_id"))
        blocked = self._stream.company.blocked
        return is_person and blocked.blocks("customer_id", found) is not None

    def _ids(self, place: str) -> RowIds:
        return RowIds(self._identity, place, self._dataset.entity, self._stream.company.blocked)

    def _lines(self, rows: Sequence[Row], ids: RowIds, rejected: list[Rejected]) -> Iterator[Line]:
        """The rows with the ids of their orders; one without may go on with the order before."""
        for row, given in zip(rows, ids.said_of(_cells_of(rows)), strict=True):
            said = given
            if said is None and ids.last is not None and self._is_continued(row):
                said = ids.last
            if (said is None or said.casefold() in TOTALS) and self._is_of_nothing(row):
                rejected.append(self._rejected(row, NO_ORDER))
                continue
            ids.last = said
            yield Line(said if said is not None else ids.of(row.values), row)

    def _is_continued(self, row: Row) -> bool:
        is_said = self._dataset.rows == "lines"
        return self._stream.row_reader.is_continued(row.values, is_said=is_said)

    def _is_of_nothing(self, row: Row) -> bool:
        """Whether no cell of the row says of which order it is."""
        return self._stream.row_reader.is_continued(row.values)

    def _of_orders(self, orders: Sequence[Order], rejected: list[Rejected]) -> Page:
        single = [order[0] for order in orders if len(order) == 1]
        rows, more = [line.row for line in single], [{OWN_KEY: line.id} for line in single]
        records, unreadable = self._read(rows, more)
        rejected += [self._rejected(rows[at], str(error)) for at, error in unreadable.items()]
        numbers = [row.number for at, row in enumerate(rows) if at not in unreadable]
        for order in orders:
            if len(order) > 1:
                try:
                    records.append(self._of_lines(order))
                    numbers.append(order[0].row.number)
                except Unreadable as error:
                    rejected += self._rejected_order(order, error)
        return self._page(records, numbers, rejected)

    def _of_lines(self, order: Order) -> bytes:
        rows = [dict(line.row.values) for line in order]
        read = self._stream.row_reader.read_lines(rows, is_said=self._dataset.rows == "lines")
        read[LINES] = rows[1:]
        return self._stream.payload_of(rows[0], None, read, **{OWN_KEY: order[0].id})

    def _rejected_order(self, order: Order, error: Unreadable) -> Iterator[Rejected]:
        """Every line of an order, because the others alone would be another order."""
        for place, line in enumerate(order):
            is_other = isinstance(error, UnreadableLine) and place != error.place
            reason = "another line of its order cannot be read" if is_other else str(error)
            yield self._rejected(line.row, reason)


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


def _cells_of(rows: Sequence[Row]) -> CellsOf:
    return lambda name: [cells.at(row.values, name) for row in rows]


def _digest(original: bytes) -> str:
    return hashlib.blake2b(original, digest_size=8).hexdigest()


def _first_line(file: File) -> str:
    with file.open() as opened:
        for line in lines(opened):
            return f"log-{hashlib.sha256(line.content).hexdigest()[:16]}"
    return file.name

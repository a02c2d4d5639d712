"""What sources share whose streams are mapped in rapport.yml: reading rows, people, variables.

>>> from rapport.vendors.datasets import Mapped
>>> rows = MappedStream(name="shop", dataset=Mapped(
...     entity="orders", key=["id"], columns={"order_id": "id", "amount": "sum"}))
>>> rows.row_reader.read({"id": "1", "sum": "12,50"})
{'order_id': '1', 'amount': '12.50'}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from rapport.errors import BadRecord, ConfigError
from rapport.vendors.blocked import load_blocked
from rapport.vendors.datasets import Mapped, people_of
from rapport.vendors.reading.columns import Company
from rapport.vendors.reading.numbers_in_json import as_json
from rapport.vendors.reading.payload import differing, digest, with_read
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.row import LINES, OWN_KEY, READ, Reading
from rapport.vendors.reading.whole import stored as stored_of
from rapport.vendors.source import Source, Stream

if TYPE_CHECKING:
    from rapport.vendors.reading.table import Table

PEOPLE = {"email": "email", "additional_emails[]": "email", "user_id": "user_id"}
KEY = OWN_KEY.rpartition(".")[2]
# Members of a payload that say where a row stood.
PLACES = frozenset(("_file", "_line", "_hash"))
_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


@dataclass(frozen=True, kw_only=True)
class MappedStream(Stream):
    """The rows of a mapped dataset; `company` and `questions` are what it takes from elsewhere."""

    dataset: Mapped
    company: Company = field(default_factory=Company)
    questions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def row_reader(self) -> Reading:
        """Reads the rows; raises `ConfigError` for a constant that cannot be read."""
        try:
            return Reading(self.dataset, self.company, self.questions)
        except Unreadable as error:
            raise ConfigError(f"rapport.yml: dataset {self.name}: {error}.") from None

    @cached_property
    def reading(self) -> str | None:
        """A digest of how the rows are read."""
        return digest(self.dataset, self.company, self.questions)

    def payload(self, row: Mapping[str, Any], json: bytes | None, **more: Any) -> bytes:
        """The payload of a row; raises `Unreadable`."""
        return self.payload_of(row, json, self.row_reader.read(row), **more)

    def payload_of(
        self, row: Mapping[str, Any], json: bytes | None, read: dict[str, Any], **more: Any
    ) -> bytes:
        """The payload of a row that is read. A row of nobody is a profile of its own.

        `more` are the members that make its key, of the payload or, under `OWN_KEY`, of `_read`.
        """
        stored = self._stored(row, read, more)
        beside = {name: value for name, value in more.items() if name != OWN_KEY}
        return with_read(json or as_json(row), stored, beside, row)

    def payloads(
        self, rows: Sequence[Mapping[str, Any]], jsons: Sequence[bytes | None], more: Sequence[Any]
    ) -> list[bytes | Unreadable]:
        """As `payload` for many rows, faster; what cannot be read is returned."""

        def own_profile(place: int) -> str:
            return self._own_profile(rows[place], more[place])

        def cells_of(column: str) -> list[Any]:
            return [row[column] for row in rows]

        whole = None
        if not (more and PLACES.intersection(more[0]).intersection(rows[0])):
            whole = self.row_reader.whole(cells_of, len(rows), own_profile)
        stored = [None] * len(rows) if whole is None else stored_of(whole)
        found: list[bytes | Unreadable] = []
        for row, read, json, beside in zip(rows, stored, jsons, more, strict=True):
            try:
                if read is None:
                    found.append(self.payload(row, json, **beside))
                    continue
                if isinstance(read, Unreadable):
                    found.append(read)
                    continue
                if OWN_KEY in beside:
                    read[KEY] = beside[OWN_KEY]
                    beside = {}
                if json is not None or READ in row:
                    found.append(with_read(json or as_json(row), read, beside, row))
                else:
                    found.append(as_json({READ: read, **row, **beside}))
            except Unreadable as error:
                found.append(error)
        return found

    def payloads_of(
        self, table: "Table", more: Mapping[str, Sequence[Any]]
    ) -> tuple[list[bytes], Mapping[int, Unreadable]] | None:
        """As `payloads` for a table, which is much faster; `more` are columns, too.

        The payloads of all its rows, and which rows cannot be read, by their places. None where
        its rows have to be read one by one.
        """
        from rapport.vendors.reading import table as tables

        if not {READ, *more}.isdisjoint(table.columns):
            return None

        def own_profile(place: int) -> str:
            row = {name: table.cells(name)[place] for name in self.key if name in table.columns}
            return self._own_profile(row, {name: values[place] for name, values in more.items()})

        whole = self.row_reader.whole(table.cells, len(table), own_profile)
        if whole is None:
            return None
        beside = {name: values for name, values in more.items() if name != OWN_KEY}
        key = {KEY: more[OWN_KEY]} if OWN_KEY in more else {}
        return tables.payloads(table, whole, beside, key), whole.unreadable

    def _stored(
        self, row: Mapping[str, Any], read: dict[str, Any], more: Mapping[str, Any]
    ) -> dict[str, Any]:
        if "profile" not in read:
            read["profile"] = self._own_profile(row, more)
        if OWN_KEY in more:
            read[KEY] = more[OWN_KEY]
        if LINES in read:
            return read
        return differing(read, row, self.row_reader.columns, more)

    def _own_profile(self, row: Mapping[str, Any], more: Mapping[str, Any]) -> str:
        key = more[OWN_KEY] if OWN_KEY in more else self._own_key({**row, **more})
        return f"row:{self.name}:{key}"

    def _own_key(self, row: Mapping[str, Any]) -> str:
        parts = [row.get(column) for column in self.key]
        return str(parts[0]) if len(parts) == 1 else msgspec.json.encode(parts).decode()

    def reread(self, record: bytes, before: Mapping[str, Any] | None) -> bytes | None:
        """The payload of a landed row with today's canonical values, from the row and its old ones.

        None where they are the same, or where the row cannot be read any more.
        """
        row = _DECODER.decode(record)
        known = before or {}
        lines = known.get(LINES, [])
        try:
            read = self.row_reader.read_lines([row, *lines]) if lines else self.row_reader.read(row)
        except Unreadable:
            return None
        if lines:
            read[LINES] = lines
        has_own_key = KEY in known and self.key == (OWN_KEY,)
        more = {OWN_KEY: known[KEY]} if has_own_key else {}
        stored = self._stored(row, read, more)
        return None if stored == before else with_read(record, stored)

    def key_of(self, payload: bytes) -> str | None:
        """The key that a landed payload has today; None where it has none."""
        try:
            return self.read_key(payload).key
        except BadRecord:
            return None


class MappedSource(Source):
    """A source whose streams are mapped in rapport.yml; `streams` gives `MappedStream`s."""

    def mapped_streams(self) -> Sequence[MappedStream]:
        """The streams that have an entity."""
        return [stream for stream in self.streams() if isinstance(stream, MappedStream)]

    @cached_property
    def company(self) -> Company:
        """What datasets take from the company."""
        return Company(self.project.company.timezone, load_blocked(self.project.identity))

    def questions(self, dataset: str) -> Mapping[str, str]:
        """The columns of a dataset that are scored questions, with their metrics."""
        surveys: Mapping[str, Mapping[str, str]] = self.project.surveys.get(self.name, {})
        return surveys.get(dataset, {})

    def people(self) -> Mapping[str, Mapping[str, str]]:
        """Where the rows of each dataset name a person: in their cells, and as these were read."""
        return {stream.name: _people(stream) for stream in self.mapped_streams()}

    def mapped_datasets(self) -> dict[str, Any]:
        """The datasets, those that are turned off too, because what has landed stays in use."""
        return {
            stream.name: {
                "source": self.name,
                "entity": stream.dataset.entity,
                "namespace": stream.dataset.namespace or stream.name,
                "columns": _columns(stream),
                **({"questions": stream.questions} if stream.questions else {}),
                **({} if stream.dataset.enabled else {"enabled": False}),
            }
            for stream in self.mapped_streams()
        }


def _people(stream: MappedStream) -> dict[str, str]:
    own = f"files:{stream.dataset.namespace or stream.name}"
    return {
        f"{READ}.profile": own,
        f"{READ}.customer_id": own,
        **{f"{READ}.{path}": namespace for path, namespace in PEOPLE.items()},
        **people_of(stream.dataset.columns, stream.dataset.namespace or stream.name),
    }


def _columns(stream: MappedStream) -> dict[str, str]:
    """The column of each canonical one; "" where only `_read` has it."""
    plain = stream.row_reader.columns
    return {name: plain.get(name, "") for name in sorted(stream.dataset.columns)}

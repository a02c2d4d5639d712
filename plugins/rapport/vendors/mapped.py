"""What sources share whose streams are mapped in rapport.yml: reading rows, people, variables.

>>> from rapport.vendors.datasets import Mapped
>>> rows = MappedStream(name="shop", dataset=Mapped(
...     entity="orders", key=["id"], columns={"order_id": "id", "amount": "sum"}))
>>> rows.row_reader.read({"id": "1", "sum": "12,50"})
{'order_id': '1', 'amount': '12.50'}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from rapport.vendors.blocked import load_blocked
from rapport.vendors.datasets import Mapped, people_of
from rapport.vendors.reading.columns import Company
from rapport.vendors.reading.payload import differing, digest, with_read
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.row import READ, Reading
from rapport.vendors.source import Source, Stream

PEOPLE = {"email": "email", "additional_emails[]": "email", "user_id": "user_id"}
LINES = "_lines"


@dataclass(frozen=True, kw_only=True)
class MappedStream(Stream):
    """The rows of a mapped dataset; `company` and `questions` are what it takes from elsewhere."""

    dataset: Mapped
    company: Company = field(default_factory=Company)
    questions: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def row_reader(self) -> Reading:
        """Reads the rows."""
        return Reading(self.dataset, self.company, self.questions)

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
        """The payload of a row that is read. A row of nobody is a profile of its own."""
        stored = self._stored(row, read, {**row, **more})
        return with_read(json or msgspec.json.encode(row), stored, more)

    def payloads(
        self, rows: Sequence[Mapping[str, Any]], jsons: Sequence[bytes | None], more: Sequence[Any]
    ) -> list[bytes | Unreadable]:
        """As `payload` for many rows, faster; what cannot be read is returned."""

        def own_key(place: int) -> str:
            return f"row:{self.name}:{self._own_key({**rows[place], **more[place]})}"

        stored = self.row_reader.stored_many(rows, own_key)
        found: list[bytes | Unreadable] = []
        for place, row in enumerate(rows):
            try:
                if stored is None:
                    found.append(self.payload(row, jsons[place], **more[place]))
                    continue
                read = stored[place]
                if isinstance(read, Unreadable):
                    found.append(read)
                elif (json := jsons[place]) is not None or READ in row:
                    json = json or msgspec.json.encode(row)
                    found.append(with_read(json, read, more[place]))
                else:
                    found.append(msgspec.json.encode({READ: read, **row, **more[place]}))
            except Unreadable as error:
                found.append(error)
        return found

    def _stored(
        self, row: Mapping[str, Any], read: dict[str, Any], keyed: Mapping[str, Any]
    ) -> dict[str, Any]:
        if "profile" not in read:
            read["profile"] = f"row:{self.name}:{self._own_key(keyed)}"
        if LINES in keyed:
            return read
        return differing(read, row, self.row_reader.columns)

    def _own_key(self, row: Mapping[str, Any]) -> str:
        parts = [row.get(column) for column in self.key]
        return str(parts[0]) if len(parts) == 1 else msgspec.json.encode(parts).decode()

    def reread(self, record: bytes) -> bytes | None:
        """The payload with today's canonical values; None if they are the same or unreadable."""
        row = msgspec.json.decode(record)
        before = row.pop(READ, None)
        try:
            if LINES in row:
                first = {name: value for name, value in row.items() if name != LINES}
                read = self.row_reader.read_lines([first, *row[LINES]])
            else:
                read = self.row_reader.read(row)
        except Unreadable:
            return None
        stored = self._stored(row, read, row)
        return None if stored == before else msgspec.json.encode({**row, READ: stored})


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

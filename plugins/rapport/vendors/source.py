"""The interface of a source: streams of records, each with a key and a way to read its pages.

A connector declares its streams and how to request them. Watermarks, retries and writing to the
warehouse work the same way for all sources.

>>> Stream(name="tickets", key=("id",)).read_key(b'{"id": 7, "subject": "hello"}').key
'7'
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from rapport.errors import BadRecord
from rapport.settings import Settings
from rapport.vendors.connections import Connection
from rapport.vendors.http import Client
from rapport.vendors.vendor import Connector

Record = bytes | bytearray | memoryview | msgspec.Raw
Position = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that was read and cannot be stored: the original bytes and the reason."""

    original: bytes
    reason: str
    record_key: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page: records as the vendor sent them, one JSON document each.

    `position` is where the next load starts once this page is committed; None means that the
    highest cursor decides. `odd` counts cells that were not understood, by column and reason.
    `keys` are those of the records, where the source knows them already. `where` says where the
    record at a place stands, such as the line of a file.
    """

    records: Sequence[Record]
    position: Position | None = None
    rejected: Sequence[Rejected] = ()
    odd: Mapping[tuple[str, str], int] = field(default_factory=dict)
    keys: Sequence[str] | None = None
    where: Callable[[int], str] | None = None


class Fields(NamedTuple):
    """The only fields of a record that are parsed during a load."""

    key: str
    cursor: datetime | int | None


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One kind of record.

    `key` and `cursor` are dotted paths into a record. `cursor_type` is `datetime` (RFC 3339) or
    `int`. `lag` is how far before the highest cursor the next run starts, for vendors whose lists
    show a change late. `ordered` means that pages come in ascending order of the cursor, so that
    the watermark may move before the last page. `sweep` means that `live_keys` lists every live
    key, so that records which the vendor no longer has are marked as deleted. `counted` is the
    dotted path of the time by which `count` counts, if the vendor has a count. A stream that is
    not `enabled` is not loaded; its earlier records stay in the warehouse. `replaces` means that
    what a load reads is all there is: records that it does not list are deleted.  Of all records,
    at most the share `most_missing` is deleted at once.
    """

    name: str
    key: tuple[str, ...] = ("id",)
    cursor: str | None = None
    cursor_type: type[datetime] | type[int] = datetime
    lag: timedelta = timedelta(0)
    ordered: bool = False
    sweep: bool = False
    counted: str | None = None
    enabled: bool = True
    replaces: bool = False
    most_missing: float = 0.2

    @property
    def reading(self) -> str | None:
        """A digest of how rows are read; None where records land as they come.

        Landed rows that were read in another way are read again by `reread`.
        """
        return None

    def reread(self, record: bytes, before: Mapping[str, Any] | None) -> bytes | None:
        """A landed row as it would land today, from the row and what was read of it.

        None where it would land in the same way, or cannot be read any more.
        """
        return None

    def key_of(self, payload: bytes) -> str | None:
        """The key that a landed payload has today; None where it has none."""
        return None

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        """The pages after `position` (None: from the beginning). A source overrides this."""
        raise NotImplementedError

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """Every key that exists at the vendor, in batches. Required if `sweep` is set."""
        raise NotImplementedError

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The vendor's number of records from `start` to before `end`; None if it gives none.

        Required if `counted` is set. The count may leave out deleted records.
        """
        raise NotImplementedError

    def again(self, client: Client, start: datetime, as_of: datetime) -> Iterator[Page]:
        """The pages since `start` again, regardless of the watermark."""
        cursor = int(start.timestamp()) if self.cursor_type is int else start.isoformat()
        return self.pages(client, {"cursor": cursor}, as_of)

    def since(self, position: Position | None) -> datetime | int | None:
        """Where to start: the watermark minus the lag; None to read everything.

        An int cursor is in seconds.
        """
        if not position or position.get("cursor") is None:
            return None
        cursor = position["cursor"]
        if self.cursor_type is int:
            return int(cursor) - int(self.lag.total_seconds())
        return datetime.fromisoformat(cursor) - self.lag

    def read_key(self, record: Record) -> Fields:
        """Key and cursor of one record; raises `BadRecord`."""
        try:
            return self._fields(self._decoder.decode(record))
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            kind = "key or cursor" if isinstance(error, msgspec.ValidationError) else "JSON"
            raise BadRecord(f"{self.name}: {kind} cannot be read") from None
        except RecursionError:
            raise BadRecord(f"{self.name}: nested too deep") from None

    def read_keys(self, records: Sequence[bytes]) -> tuple[list[str], datetime | int | None]:
        """The key of each record and the highest cursor; faster than `read_key` for each record.

        Raises `BadRecord` without saying which record it is.
        """
        try:
            documents = self._decoder.decode_lines(b"\n".join(records))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise BadRecord(f"{self.name}: a record cannot be read") from None
        if len(documents) != len(records):
            raise BadRecord(f"{self.name}: a record is not one JSON document")
        if len(self.key) > 1 or self.cursor:
            fields = [self._fields(document) for document in documents]
            cursors = [field.cursor for field in fields if field.cursor is not None]
            return [field.key for field in fields], max(cursors, default=None)
        try:
            keys = list(map(self._key_getters[0], documents))
        except AttributeError:
            raise BadRecord(f"{self.name}: a record has no key") from None
        if None in keys or "" in keys:
            raise BadRecord(f"{self.name}: a record has no key")
        return list(map(_key_text, keys)), None

    def _fields(self, document: Any) -> Fields:
        if len(self.key) == 1:
            part = _read(self._key_getters[0], document)
            key = "" if part is None else _key_text(part)
        else:
            parts = [_read(getter, document) for getter in self._key_getters]
            whole = [_whole(part) for part in parts]
            key = "" if None in parts else msgspec.json.encode(whole).decode()
        if not key:
            raise BadRecord(f"{self.name}: no key")
        if "\x00" in key:
            raise BadRecord(f"{self.name}: key contains NUL")
        cursor = _read(self._cursor_getter, document) if self._cursor_getter else None
        return Fields(key, self._moment(cursor) if isinstance(cursor, str) else cursor)

    def _moment(self, cursor: str) -> datetime:
        """A time or a date, which begins its day."""
        try:
            moment = datetime.fromisoformat(cursor)
        except ValueError:
            raise BadRecord(f"{self.name}: cursor {self.cursor} is no time and no date") from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[Any]:
        wanted: dict[tuple[str, ...], Any] = {
            _path(key): str | int | float | None for key in self.key
        }
        if self.cursor:
            kind = int if self.cursor_type is int else str
            wanted.setdefault(_path(self.cursor), kind | None)
        return msgspec.json.Decoder(_struct(wanted))

    @cached_property
    def _key_getters(self) -> list[Callable[[Any], Any]]:
        return [_getter(key) for key in self.key]

    @cached_property
    def _cursor_getter(self) -> Callable[[Any], Any] | None:
        return _getter(self.cursor) if self.cursor else None


@dataclass(frozen=True)
class Nothing(Stream):
    """A stream that the options turn off. Its table exists, and no request is made."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        return iter(())


def _whole(part: Any) -> Any:
    """A number without the .0 that programs write behind whole ones."""
    return int(part) if isinstance(part, float) and part.is_integer() else part


def _key_text(part: Any) -> str:
    return part if type(part) is str else str(_whole(part))


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))


def _attribute(name: str) -> str:
    return "_" + name.encode().hex()


def _getter(dotted: str) -> Callable[[Any], Any]:
    return operator.attrgetter(".".join(_attribute(name) for name in _path(dotted)))


def _read(getter: Callable[[Any], Any], document: Any) -> Any:
    try:
        return getter(document)
    except AttributeError:
        return None


def _struct(wanted: Mapping[tuple[str, ...], Any]) -> Any:
    """A msgspec type that decodes only the wanted paths."""
    fields: dict[str, Any] = {path[0]: kind for path, kind in wanted.items() if len(path) == 1}
    branches: dict[str, dict[tuple[str, ...], Any]] = {}
    for path, kind in wanted.items():
        if len(path) > 1:
            branches.setdefault(path[0], {})[path[1:]] = kind
    fields |= {name: _struct(inner) | None for name, inner in branches.items()}
    return msgspec.defstruct(
        "Wanted",
        [(_attribute(name), kind, None) for name, kind in fields.items()],
        rename={_attribute(name): name for name in fields},
        gc=False,
    )


def with_context(record: Record, context: Mapping[str, Any]) -> bytes:
    """The record's bytes with members added in front, for facts that are not part of the record.

    >>> with_context(b'{"token": "x"}', {"form_id": "f1"})
    b'{"form_id":"f1","token": "x"}'
    """
    body = bytes(record).lstrip()
    if not body.startswith(b"{"):
        raise BadRecord("a record is not a JSON object")
    rest = body[1:].lstrip()
    prefix = msgspec.json.encode(context)[:-1]
    return prefix + (rest if rest.startswith(b"}") else b"," + rest)


class Source(Connector):
    """A source: how to log in, which streams it has, and where their records name a person.

    `vendor` holds the facts that source and destination share. `project` is the whole of
    rapport.yml; `rapport.connectors.open_source` sets it.
    """

    project: Settings = Settings()

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    def streams(self) -> Sequence[Stream]:
        """The streams, in the order in which they are loaded."""
        raise NotImplementedError

    def client(self, connection: Connection) -> Client:
        """A client that is logged in."""
        raise NotImplementedError

    def people(self) -> Mapping[str, Mapping[str, str]]:
        """Where the records of each stream name a person, in the form of `Vendor.people`."""
        return self.vendor.people if hasattr(self, "vendor") else {}

    @classmethod
    def record_namespace(cls, stream: str) -> str:
        """The namespace of the keys of a stream's records."""
        return f"{cls.name}:{stream}"

    def mapped_datasets(self) -> dict[str, Any]:
        """The datasets that rapport.yml maps by columns, for the dbt variable `datasets`.

        Most sources have none. By name: entity, namespace, columns and questions.
        """
        return {}

"""The SQLite database of the sandbox, with the people and the records of each vendor.

>>> as_text({"id": "1000010", "archived": False})
'{"id":"1000010","archived":false}'
"""

# ruff: noqa: S608 - table and column names come from this package, values are bound

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from rapport.errors import ConfigError

Json = dict[str, Any]
# Each stream has a table with the id, the time of the last change (ms), and the vendor's record.
STREAMS = (
    "hubspot_contacts",
    "hubspot_companies",
    "hubspot_deals",
    "zendesk_users",
    "zendesk_tickets",
    "zendesk_comments",
    "zendesk_ticket_metrics",
    "zendesk_satisfaction_ratings",
    "zendesk_deleted_tickets",
    "typeform_responses",
)
SCHEMA = """
create table meta (key text primary key, value text not null);
create table people (number integer primary key, state blob not null);
create table agenda (due integer not null, number integer not null, kind text not null, data blob);
create table truth (profile_id text primary key, person text not null, note text not null)
    without rowid;
create table amplitude_events (
    id integer not null, upload integer not null, time integer not null, number integer not null,
    device text not null, is_known integer not null, country text not null, type integer not null,
    what text, session integer not null, campaign integer not null
);
create table intercom_contacts (
    id text primary key, external_id text unique, email text, created integer not null,
    updated integer not null, is_out integer not null default 0, body text not null
);
create unique index intercom_contacts_email on intercom_contacts (lower(email));
create table intercom_tags (id integer primary key, name text not null unique collate nocase);
create table intercom_contact_tags (
    contact_id text not null, tag_id integer not null, applied integer not null,
    primary key (contact_id, tag_id)
) without rowid;
create table intercom_attributes (
    id integer primary key, name text not null, model text not null, data_type text not null,
    body text not null, unique (model, name)
);
create table violations (id integer primary key, body text not null);
"""
encode = msgspec.json.encode
decode = msgspec.json.decode


def as_text(value: Any) -> str:
    """A value as JSON text, because older versions of SQLite cannot read JSON from bytes."""
    return encode(value).decode()


def create(path: Path) -> sqlite3.Connection:
    """Create a new database without durability, for one fast load. If that fails, delete it."""
    database = sqlite3.connect(path, isolation_level=None)
    database.executescript("pragma journal_mode=off; pragma synchronous=off;" + SCHEMA)
    for stream in STREAMS:
        _create_stream(database, stream)
    return database


def _create_stream(database: sqlite3.Connection, stream: str) -> None:
    database.execute(
        f"create table if not exists {stream} (id integer primary key, updated integer not null,"
        " is_archived integer not null, body text not null)"
    )


def add_indexes(database: sqlite3.Connection) -> None:
    """Add the indexes after the load, because filling them row by row would be slow."""
    database.execute("create index agenda_due on agenda (due, number)")
    database.execute("create index amplitude_upload on amplitude_events (upload, id)")
    for stream in STREAMS:
        database.execute(f"create index {stream}_updated on {stream} (updated, id)")


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing database. Readers never wait for a writer.

    Raises ConfigError if no company is generated yet.
    """
    if not path.exists():
        raise ConfigError(
            f"sandbox: there is no invented company at {path.name}."
            " Run `rapport sandbox start` to generate it."
        )
    database = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=normal")
    for stream in STREAMS:  # a company of an older release may lack some
        _create_stream(database, stream)
    return database


def read_meta(database: sqlite3.Connection) -> dict[str, str]:
    return dict(database.execute("select key, value from meta").fetchall())


def write_meta(database: sqlite3.Connection, values: dict[str, object]) -> None:
    database.executemany(
        "insert or replace into meta values (?, ?)", [(k, str(v)) for k, v in values.items()]
    )


class Batch:
    """The changes of several people, collected until `write`: records, events, file rows, truth."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.records: dict[str, dict[int, tuple[int, int, Json]]] = {s: {} for s in STREAMS}
        self.gone: list[tuple[str, int]] = []
        self.events: list[tuple[Any, ...]] = []
        self.people: list[tuple[int, bytes]] = []
        self.agenda: list[tuple[int, int, str, bytes]] = []
        self.truth: list[tuple[str, str, str]] = []
        self.rows: dict[str, list[Any]] = {}
        self.messaging: list[tuple[Any, ...]] = []
        self.counts: dict[str, int] = {}

    def get(self, stream: str, id: int) -> Json | None:
        """The newest version of a record, from this batch or from the database."""
        held = self.records[stream].get(id)
        if held is not None:
            return held[2]
        row = self.database.execute(f"select body from {stream} where id = ?", (id,)).fetchone()
        return decode(row[0]) if row else None

    def put(
        self, stream: str, id: int, body: Json, updated: int, is_archived: bool = False
    ) -> None:
        self.records[stream][id] = (updated, int(is_archived), body)

    def drop(self, stream: str, id: int) -> None:
        """Delete a record, so that the vendor no longer returns it."""
        self.records[stream].pop(id, None)
        self.gone.append((stream, id))

    def row(self, kind: str, values: Any) -> None:
        """Add a line to the night's file of that kind."""
        self.rows.setdefault(kind, []).append(values)

    def write(self) -> None:
        """Write everything to the database, in the caller's transaction, and clear the batch."""
        for stream, records in self.records.items():
            self.database.executemany(
                f"insert or replace into {stream} values (?, ?, ?, ?)",
                ((id, row[0], row[1], as_text(row[2])) for id, row in records.items()),
            )
            self._count(stream, len(records))
            records.clear()
        for stream, id in self.gone:
            self.database.execute(f"delete from {stream} where id = ?", (id,))
        self._insert("amplitude_events", self.events)
        self._insert("people", self.people)
        self._insert("agenda", self.agenda)
        self._insert("truth", self.truth)
        self._insert("intercom_contacts", self.messaging)
        self._count("amplitude_events", len(self.events))
        for rows in (self.gone, self.events, self.people, self.agenda, self.truth, self.messaging):
            rows.clear()

    def _insert(self, table: str, rows: list[tuple[Any, ...]] | list[Any]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self.database.executemany(f"insert or replace into {table} values ({marks})", rows)

    def _count(self, stream: str, rows: int) -> None:
        if rows:
            self.counts[stream] = self.counts.get(stream, 0) + rows


def stream_rows(
    database: sqlite3.Connection, sql: str, values: Iterable[object] = ()
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query in chunks of 1,000."""
    cursor = database.execute(sql, tuple(values))
    while rows := cursor.fetchmany(1000):
        yield from rows

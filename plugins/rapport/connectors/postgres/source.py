"""Postgres: tables and queries of another database, declared in rapport.yml.

https://www.postgresql.org/docs/current/sql-declare.html

Each table is a stream; its rows are stored as JSON. A `cursor` is a column that grows with each
change, such as a time or a number. With a cursor, only changed rows are read, in its order; without
one, the whole table is read. A transaction may commit with an older time than one that was already
read, so the next run starts `lag_minutes` earlier. Deleted rows are found by comparing keys, unless
`sweep` is off. One load of a table reads one read-only snapshot in pages.

>>> table = {"table": "shop.customers", "key": ["id"], "cursor": "updated_at"}
>>> [stream.name for stream in Postgres({"tables": {"customers": table}}).streams()]
['customers']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
import psycopg
from psycopg import sql
from pydantic import Field, field_validator, model_validator

from rapport.connectors.postgres import VENDOR
from rapport.errors import GiveUp, RetryLater
from rapport.vendors.connections import Connection
from rapport.vendors.datasets import Block, DatasetName, Mapped
from rapport.vendors.http import Client
from rapport.vendors.mapped import MappedSource, MappedStream
from rapport.vendors.options import validated
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.source import Page, Position, Rejected, Stream

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
PAGE_ROWS = 5_000


class Table(Mapped):
    """A table or a query, and the meaning of its columns (as in the datasets of `files`).

    Without `entity`, its rows are stored, but no model reads them. `cursor` is a column of times,
    dates or numbers; of a cursor of dates, the last day is always read again. `enabled: false`
    stops loading it; the rows loaded before stay in use and become stale.
    """

    entity: str = ""
    table: str | None = Field(default=None, pattern=r'^[^"\x00]+$')
    query: str | None = None
    key: tuple[str, ...] = Field(min_length=1)
    cursor: str | None = None
    cursor_type: Literal["time", "number"] = "time"
    lag_minutes: int = Field(default=60, ge=0)
    sweep: bool = True

    @field_validator("entity", mode="before")
    @classmethod
    def _no_entity(cls, given: Any) -> Any:
        return given or ""

    @model_validator(mode="after")
    def _makes_sense(self) -> "Table":
        if (self.table is None) == (self.query is None):
            raise ValueError("give either a table or a query")
        if self.rows in ("lines", "snapshot", "events"):
            raise ValueError("a table has rows: versions; add lines up in a query")
        return self

    @property
    def relation(self) -> sql.Composable:
        """The expression after FROM. A query comes from the operator and runs read-only."""
        if self.table is not None:
            return sql.Identifier(*self.table.split("."))
        return sql.SQL("({})").format(sql.SQL((self.query or "").replace("%", "%%")))


class Options(Block):
    """The block `sources.postgres` of rapport.yml."""

    tables: dict[DatasetName, Table] = Field(default_factory=dict)
    custom_fields: dict[str, Any] = Field(default_factory=dict)


class Database(Client):
    """A login to the database, used like the client of an API."""

    def __init__(self, connection: Connection) -> None:
        super().__init__("http://127.0.0.1", name=connection.name)
        self._login = connection

    def pages(self, query: sql.Composed, values: Mapping[str, Any]) -> Iterator[list[bytes]]:
        """The first column of each row, from one snapshot; raises `RetryLater`, `GiveUp`."""
        try:
            with self._connect() as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                with connection.cursor(name="rapport") as cursor:
                    cursor.execute(query, values)
                    while rows := cursor.fetchmany(PAGE_ROWS):
                        yield [row[0].encode() for row in rows]
        except psycopg.OperationalError as error:
            raise RetryLater(
                f"{self.name}: the database does not answer ({error.sqlstate or 'no connection'}). "
                f'Check the connection "{self.name}", or run again later.'
            ) from None
        except psycopg.Error as error:
            # The message of the database may quote a row.
            raise GiveUp(
                f"{self.name}: the database refuses the query ({type(error).__name__}). Check "
                "table, key and cursor in rapport.yml and what the login may read."
            ) from None

    def _connect(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host=self._login.host.removeprefix("postgres://").removeprefix("postgresql://"),
            port=self._login.port or 5432,
            user=self._login.login,
            password=self._login.password,
            dbname=self._login.schema,
            application_name="rapport",
            connect_timeout=10,
            options="-c timezone=UTC -c datestyle=ISO",
        )


@dataclass(frozen=True, kw_only=True)
class Rows(MappedStream):
    """The rows of a table that changed since the cursor, oldest first."""

    dataset: Table
    sweep: bool = True

    @property
    def table(self) -> Table:
        """The declaration of the table."""
        return self.dataset

    @property
    def reading(self) -> str | None:
        """None for a table that no model reads: its rows land as they are."""
        return super().reading if self.table.entity else None

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        assert isinstance(client, Database)
        found = sql.SQL("select row_to_json(found)::text from {} as found")
        query = found.format(self.table.relation)
        since = self.since(position)
        if self.table.cursor is not None:
            cursor = sql.Identifier("found", self.table.cursor)
            changed = sql.SQL(" where {0} >= {1} or {0} is null").format(
                cursor, self._since(cursor)
            )
            order = sql.SQL(" order by {} nulls first").format(cursor)
            query = sql.Composed([query, changed if since is not None else sql.SQL(""), order])
        for records in client.pages(query, {"since": since}):
            yield self._page(records)

    def _since(self, cursor: sql.Composable) -> sql.Composable:
        """The first value to read, in the type of the column: a date begins its day."""
        if self.cursor_type is int:
            return sql.SQL("%(since)s")
        return sql.SQL(
            "case when pg_typeof({})::text = 'date' then date_trunc('day', %(since)s)"
            " else %(since)s end"
        ).format(cursor)

    def _page(self, records: list[bytes]) -> Page:
        if not self.table.entity:
            return Page(records)
        landing, rejected = [], []
        for record in records:
            row = _DECODER.decode(record)
            try:
                landing.append(self.payload(row, record))
            except Unreadable as error:
                rejected.append(Rejected(record, f"{self.name}: {error}"))
        odd = dict(self.row_reader.odd)
        self.row_reader.odd.clear()
        return Page(landing, rejected=rejected, odd=odd)

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The keys of all existing rows."""
        assert isinstance(client, Database)
        columns = sql.SQL(", ").join(map(sql.Identifier, self.table.key))
        # A row without a key has not landed.
        has_key = sql.SQL(" and ").join(
            sql.SQL("{} is not null").format(sql.Identifier("found", name))
            for name in self.table.key
        )
        query = sql.SQL(
            "select row_to_json(found)::text from (select {} from {} as found where {}) as found"
        ).format(columns, self.table.relation, has_key)
        for records in client.pages(query, {}):
            yield [self.read_key(record).key for record in records]


class Postgres(MappedSource):
    """Option `tables`: name of the stream: {table or query, key, cursor, entity, columns}."""

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.tables = validated(Options, self.options, "postgres").tables

    def streams(self) -> Sequence[Stream]:
        return [
            Rows(
                name=name,
                key=table.key,
                cursor=table.cursor,
                cursor_type=int if table.cursor_type == "number" else datetime,
                lag=timedelta(minutes=0 if table.cursor_type == "number" else table.lag_minutes),
                ordered=table.cursor is not None,
                sweep=table.sweep,
                enabled=table.enabled,
                dataset=table,
                company=self.company,
                questions=self.questions(name),
            )
            for name, table in self.tables.items()
        ]

    def client(self, connection: Connection) -> Client:
        return Database(connection)

    def mapped_streams(self) -> Sequence[MappedStream]:
        """The tables that have an entity."""
        return [one for one in super().mapped_streams() if one.dataset.entity]

"""The raw table of a stream, with one row per version of a record.

>>> table_of("postbox", "tickets").as_string()
'"raw"."postbox__tickets"'
"""

import psycopg
from psycopg import sql

COLUMNS = (
    "record_key",
    "payload",
    "payload_hash",
    "load_id",
    "as_of",
    "first_as_of",
    "is_latest",
    "is_deleted",
)


def table_of(source: str, stream: str) -> sql.Identifier:
    """The name of a stream's raw table."""
    return sql.Identifier("raw", f"{source}__{stream}")


def index_of(source: str, stream: str) -> sql.Identifier:
    """The name of the unique index over the latest version of each record."""
    return sql.Identifier("raw", f"{source}__{stream}_latest")


def create_table(connection: psycopg.Connection, source: str, stream: str) -> None:
    """Create the raw table of a stream and its index if they do not exist."""
    connection.execute(
        sql.SQL("""
            create table if not exists {table} (
                record_key text collate "C" not null,
                payload jsonb not null,
                payload_hash bytea not null,
                load_id bigint not null,
                as_of timestamptz not null,
                first_as_of timestamptz not null,
                is_latest boolean not null,
                is_deleted boolean not null
            );
            create unique index if not exists {index} on {table} (record_key) where is_latest
        """).format(
            table=table_of(source, stream),
            index=sql.Identifier(f"{source}__{stream}_latest"),
        )
    )

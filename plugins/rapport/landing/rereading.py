"""Reads landed rows again when rapport.yml says something else about them than when they landed.

A row of a mapped dataset lands with its canonical values. A new format of times or a new meaning of
a word concerns the rows that have landed, too, also those whose file is gone. A row that cannot be
read in the new way keeps the values that it has.

>>> reread_all(connection, settings)  # doctest: +SKIP
{('files', 'shop_orders'): 4312}
"""

import logging
from collections.abc import Sequence
from typing import Any

import psycopg
import xxhash
from psycopg import sql

from rapport import faults
from rapport.connectors import open_source
from rapport.landing.raw_tables import create_table, table_of
from rapport.landing.stream_writer import Writer
from rapport.settings import Settings
from rapport.vendors.reading.payload import with_read
from rapport.vendors.source import Stream

log = logging.getLogger(__name__)

AT_ONCE = 5_000


def reread_all(connection: psycopg.Connection, settings: Settings) -> dict[tuple[str, str], int]:
    """Read the rows of every mapped dataset again that needs it; returns how many changed."""
    changed = {}
    for name in settings.sources:
        for stream in open_source(name, settings).streams():
            if (count := reread(connection, name, stream)) is not None:
                changed[name, stream.name] = count
    return changed


def reread(connection: psycopg.Connection, source: str, stream: Stream) -> int | None:
    """Read the rows of one stream again; None where they were read in today's way.

    `connection` must be in autocommit mode. All rows change in one transaction.
    """
    if stream.reading is None or _reading(connection, source, stream.name) == stream.reading:
        return None
    with Writer(connection, source, stream.name) as writer:
        create_table(connection, source, stream.name)
        with connection.transaction():
            writer.check()
            changed = _update(connection, source, stream)
            faults.point("landing.reread")
            connection.execute(
                "insert into raw.readings (source, stream, reading) values (%s, %s, %s)"
                " on conflict (source, stream) do update"
                " set reading = excluded.reading, reread_at = clock_timestamp()",
                (source, stream.name, stream.reading),
            )
    if changed:
        log.info("%s %s: %s landed rows read in a new way", source, stream.name, changed)
    return changed


def _reading(connection: psycopg.Connection, source: str, stream: str) -> str | None:
    row = connection.execute(
        "select reading from raw.readings where source = %s and stream = %s", (source, stream)
    ).fetchone()
    return row[0] if row else None


def _update(connection: psycopg.Connection, source: str, stream: Stream) -> int:
    table = table_of(source, stream.name)
    connection.execute(
        "create temp table if not exists reread"
        ' (place tid, record_key text collate "C", payload jsonb, hash bytea)'
        " on commit delete rows"
    )
    with connection.cursor(name="landed") as cursor:
        cursor.execute(
            sql.SQL(
                "select ctid::text, record_key, (payload - '_read')::text, payload -> '_read'"
                " from {} where not is_deleted"
            ).format(table)
        )
        while some := cursor.fetchmany(AT_ONCE):
            _note(connection, stream, some)
    count = connection.execute("select count(*) from reread").fetchone()
    if count is None or not count[0]:
        return 0
    load_id = _load(connection, source, stream.name, count[0])
    connection.execute(sql.SQL(KEEP_NEWEST).format(table=table))
    connection.execute(
        sql.SQL(
            "update {} as landed set payload = reread.payload, payload_hash = reread.hash,"
            " record_key = reread.record_key,"
            " load_id = case when is_latest then %s else landed.load_id end"
            " from reread where landed.ctid = reread.place"
        ).format(table),
        (load_id,),
    )
    return int(count[0])


# Rows that were known in different ways may be the same row in the new way: the newest one counts.
# A row that is older is at another place once it is changed.
KEEP_NEWEST = """
    with known as (
        select
            landed.ctid as place,
            row_number() over (
                partition by coalesce(reread.record_key, landed.record_key)
                order by landed.load_id desc, landed.ctid desc
            ) > 1 as is_older
        from {table} as landed
        left join reread on landed.ctid = reread.place
        where landed.is_latest
    ),

    older as (
        update {table} as landed set is_latest = false
        from known
        where known.is_older and landed.ctid = known.place
        returning known.place, landed.ctid as moved_to
    )

    update reread set place = older.moved_to from older where reread.place = older.place
"""


def _note(
    connection: psycopg.Connection,
    stream: Stream,
    rows: Sequence[tuple[str, str, str, dict[str, Any] | None]],
) -> None:
    """Store place, key and new payload of each row that reads or is known differently."""
    columns = "copy reread (place, record_key, payload, hash) from stdin"
    with connection.cursor().copy(columns) as copy:
        for place, key, text, before in rows:
            row = text.encode()
            payload = stream.reread(row, before)
            new = stream.key_of(payload or row) or key
            if payload is None and new != key and before is not None:
                payload = with_read(row, before)
            if payload is not None:
                copy.write_row((place, new, payload.decode(), xxhash.xxh3_128_digest(payload)))


def _load(connection: psycopg.Connection, source: str, stream: str, count: int) -> int:
    """A load as old as the newest one: the rows are read again, not fetched again."""
    row = connection.execute(
        """
        insert into raw.loads
            (run_id, source, stream, as_of, committed_at, finished_at, read, landed)
        select run_id, source, stream, as_of, clock_timestamp(), clock_timestamp(), %s, %s
        from raw.loads
        where source = %s and stream = %s
        order by load_id desc
        limit 1
        returning load_id
        """,
        (count, count, source, stream),
    ).fetchone()
    assert row is not None
    return int(row[0])

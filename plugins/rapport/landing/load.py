"""One load of one stream: versions, ledger and watermark in the same transaction.

A payload that was landed before is not sent to the server again: keys and hashes go first, and
only what is new or changed follows. The first load of a stream compares with nothing and builds
the index at its end; a load that was killed before that leaves it to the next one. Two processes
never load the same stream at once; one that was frozen and overtaken finds its fencing token
outdated and commits nothing.

>>> land(connection, "zendesk", stream, pages, run_id=run_id, as_of=as_of)  # doctest: +SKIP
LoadResult(source='zendesk', stream='tickets', read=412, landed=37, ...)
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from rapport import faults
from rapport.landing import copy
from rapport.landing.batches import Batch, batches, read_ahead
from rapport.landing.seen import SeenKeys
from rapport.landing.sift import sift
from rapport.landing.writer import Writer
from rapport.sources.base import Page, Position, Rejected, Stream

log = logging.getLogger(__name__)

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
UNSTORABLE = (
    psycopg.DataError,
    psycopg.errors.ProgramLimitExceeded,
    psycopg.errors.StatementTooComplex,
)
LARGEST_SHARE_SWEPT = 0.2
ALWAYS_SWEPT = 20


@dataclass(slots=True)
class LoadResult:
    """Counts of one load: read = landed + unchanged + rejected. `deleted` are tombstones."""

    source: str
    stream: str
    load_id: int
    read: int = 0
    landed: int = 0
    unchanged: int = 0
    rejected: int = 0
    repaired: int = 0
    deleted: int = 0
    seconds: float = 0.0
    warning: str | None = None


def table_of(source: str, stream: str) -> sql.Identifier:
    """The raw table of a stream."""
    return sql.Identifier("raw", f"{source}__{stream}")


def index_of(source: str, stream: str) -> sql.Identifier:
    """The unique index over the latest version of each record."""
    return sql.Identifier("raw", f"{source}__{stream}_latest")


def create_table(connection: psycopg.Connection, source: str, stream: str) -> None:
    """The raw table of a stream, if it is not there."""
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


def read_position(connection: psycopg.Connection, source: str, stream: str) -> Position | None:
    """Where the last committed load of a stream ended; None if there was none."""
    row = connection.execute(
        "select position from raw.watermarks where source = %s and stream = %s", (source, stream)
    ).fetchone()
    return row[0] if row else None


def land(
    connection: psycopg.Connection,
    source: str,
    stream: Stream,
    pages: Iterable[Page] | Callable[[Position | None], Iterable[Page]],
    *,
    run_id: str,
    as_of: datetime,
    live_keys: Callable[[], Iterator[Sequence[str]]] | None = None,
    progress: Callable[[LoadResult], None] = lambda result: None,
) -> LoadResult:
    """Land all pages of a stream; `connection` must be in autocommit mode.

    `pages` may be a function of the position to start from. Raises `AlreadyRunning` where another
    process loads the same stream, `StaleWriter` where one took over, and whatever the pages raise;
    what was committed until then stays and is not landed again.
    """
    started = time.monotonic()
    with Writer(connection, source, stream.name) as writer:
        create_table(connection, source, stream.name)
        position = read_position(connection, source, stream.name)
        load = _Load(connection, writer, source, stream, run_id, as_of, position)
        source_pages = pages(position) if callable(pages) else pages
        for batch in read_ahead(lambda: batches(stream, source_pages)):
            load.commit(batch)
            progress(load.result)
        load.finish()
        if stream.sweep and live_keys is not None:
            load.sweep(live_keys())
        load.result.seconds = time.monotonic() - started
        return load.result


class _Load:
    def __init__(
        self,
        connection: psycopg.Connection,
        writer: Writer,
        source: str,
        stream: Stream,
        run_id: str,
        as_of: datetime,
        position: Position | None,
    ) -> None:
        self.connection = connection
        self.writer = writer
        self.stream = stream
        self.as_of = as_of
        self.position = position
        self.table = table_of(source, stream.name)
        self.index = index_of(source, stream.name)
        load_id = self._one(
            "insert into raw.loads (run_id, source, stream, as_of)"
            " values (%s, %s, %s, %s) returning load_id",
            (run_id, source, stream.name, as_of),
        )
        self.result = LoadResult(source, stream.name, load_id)
        self.bulk: SeenKeys | None = None
        if not self._one(sql.SQL("select exists (select from {})").format(self.table)):
            connection.execute(sql.SQL("drop index {}").format(self.index))
            self.bulk = SeenKeys()
        connection.execute(
            "create temp table if not exists incoming"
            ' (n int, record_key text collate "C", hash bytea) on commit delete rows;'
            'create temp table if not exists changed (record_key text collate "C",'
            " payload jsonb, payload_hash bytea) on commit delete rows"
        )

    def _one(self, statement: Any, parameters: Sequence[Any] = ()) -> Any:
        row = self.connection.execute(statement, parameters).fetchone()
        return row[0] if row else None

    def _end_bulk(self) -> None:
        """From here on the index tells what was landed before."""
        if self.bulk is not None:
            create_table(self.connection, self.result.source, self.result.stream)
            self.bulk = None

    def commit(self, batch: Batch) -> None:
        """Write one batch: rows, rejects, ledger and position, all or nothing."""
        rejected, repaired = list(batch.rejected), list(batch.repaired)
        with self.connection.transaction():
            self.writer.check()
            if self.bulk is not None and not self.bulk.add(batch.keys):
                self._end_bulk()
            try:
                with self.connection.transaction():
                    landed = self._insert(batch)
            except UNSTORABLE:
                sifted = sift(self.connection, batch)
                rejected += sifted.rejected
                repaired += sifted.repaired
                landed = self._insert(sifted)
            faults.point("landing.copied")
            self._keep(rejected, "rejected")
            self._keep(repaired, "repaired")
            self._advance(batch)
            self._count(batch, landed, len(rejected), len(repaired))
            faults.point("landing.before_commit")
        faults.point("landing.committed")

    def _insert(self, batch: Batch) -> int:
        everything = range(len(batch.keys))
        if self.bulk is not None:
            self._copy_new(batch, everything)
            return len(batch.keys)
        if not batch.keys:
            return 0
        start = copy.row_start(3)
        copy.copy_in(
            self.connection,
            sql.Identifier("incoming"),
            ("n", "record_key", "hash"),
            (
                start + copy.integer(n) + copy.field(batch.keys[n]) + copy.field(batch.hashes[n])
                for n in everything
            ),
        )
        moved = self.connection.execute(
            sql.SQL("""
                select incoming.n, landed.payload_hash is null
                from incoming
                left join lateral (
                    select payload_hash, is_deleted
                    from {} as landed
                    where landed.record_key = incoming.record_key and landed.is_latest
                    limit 1
                ) as landed on true
                where landed.payload_hash is distinct from incoming.hash or landed.is_deleted
                order by incoming.n
            """).format(self.table)
        ).fetchall()
        new = [n for n, is_new in moved if is_new]
        changed = [n for n, is_new in moved if not is_new]
        self._copy_new(batch, new)
        return len(new) + self._version(batch, changed)

    def _copy_new(self, batch: Batch, numbers: Sequence[int]) -> None:
        if not numbers:
            return
        moment = copy.timestamptz(self.as_of)
        start = copy.row_start(len(COLUMNS))
        end = b"".join(
            (
                copy.bigint(self.result.load_id),
                moment,
                moment,
                copy.boolean(True),
                copy.boolean(False),
            )
        )
        copy.copy_in(
            self.connection, self.table, COLUMNS, self._encoded(batch, numbers, start, end)
        )

    def _version(self, batch: Batch, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        copy.copy_in(
            self.connection,
            sql.Identifier("changed"),
            COLUMNS[:3],
            self._encoded(batch, numbers, copy.row_start(3), b""),
        )
        return self.connection.execute(
            sql.SQL("""
                with superseded as (
                    update {table} as landed
                    set is_latest = false
                    from changed
                    where landed.record_key = changed.record_key
                        and landed.is_latest
                        and (landed.payload <> changed.payload or landed.is_deleted)
                    returning landed.record_key, landed.first_as_of
                )
                insert into {table} ({columns})
                select record_key, payload, payload_hash, %s, %s, first_as_of, true, false
                from changed
                join superseded using (record_key)
            """).format(table=self.table, columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS))),
            (self.result.load_id, self.as_of),
        ).rowcount

    @staticmethod
    def _encoded(batch: Batch, numbers: Sequence[int], start: bytes, end: bytes) -> Iterator[bytes]:
        field, jsonb = copy.LENGTH.pack, copy.VERSIONED.pack
        for n in numbers:
            key, payload, digest = batch.keys[n], batch.payloads[n], batch.hashes[n]
            yield start + field(len(key)) + key + jsonb(len(payload) + 1, 1)
            yield payload
            yield field(len(digest)) + digest + end

    def _keep(self, records: Sequence[Rejected], outcome: str) -> None:
        if not records:
            return
        self.connection.execute(
            """
            insert into raw.rejected_records
                (load_id, source, stream, outcome, reason, record_key, original, original_hash)
            select %s, %s, %s, %s, reason, record_key, original, sha256(original)
            from unnest(%s::text[], %s::text[], %s::bytea[])
                as record (reason, record_key, original)
            on conflict do nothing
            """,
            (
                self.result.load_id,
                self.result.source,
                self.result.stream,
                outcome,
                [record.reason for record in records],
                [record.record_key for record in records],
                [record.original for record in records],
            ),
        )

    def _advance(self, batch: Batch) -> None:
        if batch.position is not None:
            self._save(batch.position)
        elif batch.highest is not None:
            self.position = self._position(batch.highest)
            if self.stream.ordered:
                self._save(self.position)

    def _position(self, highest: datetime | int) -> Position:
        latest = self.as_of + timedelta(days=1)
        if isinstance(highest, datetime):
            far = highest > latest
            known = (self.position or {}).get("cursor")
            capped = min(highest, latest)
            if known is not None:
                capped = max(capped, min(datetime.fromisoformat(known), latest))
            position: Position = {"cursor": capped.astimezone(UTC).isoformat()}
        else:
            limit = int(latest.timestamp())
            far = highest > limit
            known = (self.position or {}).get("cursor", 0)
            position = {"cursor": max(min(highest, limit), min(int(known), limit))}
        if far:
            self.result.warning = "a record claims to be from the future; the watermark stops short"
        return position

    def _save(self, position: Position) -> None:
        self.connection.execute(
            """
            insert into raw.watermarks (source, stream, position, load_id)
            values (%s, %s, %s, %s)
            on conflict (source, stream) do update
            set position = excluded.position, load_id = excluded.load_id,
                updated_at = clock_timestamp()
            """,
            (self.result.source, self.result.stream, Jsonb(position), self.result.load_id),
        )

    def _count(self, batch: Batch, landed: int, rejected: int, repaired: int) -> None:
        result = self.result
        result.read += batch.read
        result.landed += landed
        result.rejected += rejected
        result.repaired += repaired
        result.unchanged += batch.read - landed - rejected
        self.connection.execute(
            """
            update raw.loads
            set read = %s, landed = %s, unchanged = %s, rejected = %s, repaired = %s,
                committed_at = clock_timestamp()
            where load_id = %s
            """,
            (
                result.read,
                result.landed,
                result.unchanged,
                result.rejected,
                result.repaired,
                result.load_id,
            ),
        )

    def finish(self) -> None:
        """The stream has ended: the watermark moves to the highest cursor seen."""
        with self.connection.transaction():
            self.writer.check()
            self._end_bulk()
            if self.position is not None and self.stream.cursor and not self.stream.ordered:
                self._save(self.position)
            self.connection.execute(
                "update raw.loads set finished_at = clock_timestamp(), warning = %s"
                " where load_id = %s",
                (self.result.warning, self.result.load_id),
            )

    def sweep(self, keys: Iterable[Sequence[str]]) -> None:
        """Mark what the vendor no longer lists as deleted, unless too much would go at once."""
        with self.connection.transaction():
            self.connection.execute(
                'create temp table live (record_key text collate "C") on commit drop'
            )
            for batch in keys:
                copy.copy_in(
                    self.connection,
                    sql.Identifier("live"),
                    ("record_key",),
                    (copy.row_start(1) + copy.field(key.encode()) for key in batch),
                )
            self.writer.check()
            gone = sql.SQL("""
                from {} as landed
                where is_latest and not is_deleted
                    and not exists (select from live where live.record_key = landed.record_key)
            """).format(self.table)
            missing = self._one(sql.SQL("select count(*) ") + gone)
            held = self._one(
                sql.SQL("select count(*) from {} where is_latest and not is_deleted").format(
                    self.table
                )
            )
            is_all = missing == held and held > 1
            if is_all or missing > max(ALWAYS_SWEPT, held * LARGEST_SHARE_SWEPT):
                self.result.warning = (
                    f"{missing} of {held} records are gone at the vendor: too many to believe, "
                    "none was marked as deleted"
                )
                log.warning(
                    "%s %s: %s", self.result.source, self.result.stream, self.result.warning
                )
            elif missing:
                self._tombstone(gone)
            self.result.deleted = 0 if self.result.warning else missing
            self.connection.execute(
                "update raw.loads set deleted = %s, warning = %s where load_id = %s",
                (self.result.deleted, self.result.warning, self.result.load_id),
            )

    def _tombstone(self, gone: sql.Composable) -> None:
        self.connection.execute(
            sql.SQL("""
                with superseded as (
                    update {table} as landed
                    set is_latest = false
                    where record_key in (select record_key {gone}) and is_latest
                    returning record_key, first_as_of
                )
                insert into {table} ({columns})
                select record_key, '{{}}', '', %s, %s, first_as_of, true, true
                from superseded
            """).format(
                table=self.table,
                gone=gone,
                columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
            ),
            (self.result.load_id, self.as_of),
        )

"""Writes batches to a raw table: a new or changed record becomes a new version.

An unchanged record is not written.

>>> versions = Versions(connection, "postbox", "tickets", load_id=7, as_of=as_of)  # doctest: +SKIP
>>> versions.insert(batch)  # doctest: +SKIP
37
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.landing.batches import Batch
from rapport.landing.landed_keys import LandedKeys
from rapport.landing.raw_tables import COLUMNS, create_table, index_of, table_of
from rapport.warehouse import binary_copy


class Versions:
    """Writes to the raw table of one stream, in the caller's transactions.

    The first load of a stream is a bulk load. It works without an index, because there is nothing
    to compare with, until a key arrives a second time.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        source: str,
        stream: str,
        *,
        load_id: int,
        as_of: datetime,
    ) -> None:
        self.connection = connection
        self.source, self.stream = source, stream
        self.load_id = load_id
        self.as_of = as_of
        self.table = table_of(source, stream)
        self.bulk: LandedKeys | None = None
        found = connection.execute(
            sql.SQL("select exists (select from {})").format(self.table)
        ).fetchone()
        if found == (False,):
            connection.execute(sql.SQL("drop index {}").format(index_of(source, stream)))
            self.bulk = LandedKeys()
        connection.execute(
            "create temp table if not exists incoming"
            ' (n int, record_key text collate "C", hash bytea) on commit delete rows;'
            'create temp table if not exists changed (record_key text collate "C",'
            " payload jsonb, payload_hash bytea) on commit delete rows"
        )

    def analyze(self) -> None:
        """Bring the statistics for Postgres's planner up to date; nothing plans by the payload."""
        columns = sql.SQL("record_key, as_of, load_id, is_latest, is_deleted")
        self.connection.execute(sql.SQL("analyze {} ({})").format(self.table, columns))

    def end_bulk(self) -> None:
        """End the bulk load: create the index, so that records are compared from here on."""
        if self.bulk is not None:
            create_table(self.connection, self.source, self.stream)
            self.bulk = None

    def prepare(self, batch: Batch) -> None:
        """Prepare for a batch: end the bulk load if one of its keys may have landed before."""
        if self.bulk is not None and not self.bulk.add(batch.keys):
            self.end_bulk()

    def insert(self, batch: Batch) -> int:
        """Write the new and changed records of a batch; returns how many there were."""
        everything = range(len(batch.keys))
        if self.bulk is not None:
            self._copy_new(batch, everything)
            return len(batch.keys)
        if not batch.keys:
            return 0
        start = binary_copy.row_start(3)
        binary_copy.copy_in(
            self.connection,
            sql.Identifier("incoming"),
            ("n", "record_key", "hash"),
            (
                start
                + binary_copy.integer(n)
                + binary_copy.field(batch.keys[n])
                + binary_copy.field(batch.hashes[n])
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
        is_whole = len(numbers) == len(batch.keys)
        rows = [batch.encoded] if batch.encoded and is_whole else self._rows(batch, numbers)
        binary_copy.copy_in(self.connection, self.table, COLUMNS, rows)

    def _rows(self, batch: Batch, numbers: Sequence[int]) -> Iterator[bytes]:
        moment = binary_copy.timestamptz(self.as_of)
        end = b"".join(
            (
                binary_copy.bigint(self.load_id),
                moment,
                moment,
                binary_copy.boolean(True),
                binary_copy.boolean(False),
            )
        )
        return self._encoded(batch, numbers, binary_copy.row_start(len(COLUMNS)), end)

    def encode_ahead(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches, in a bulk load with their COPY rows already encoded.

        The thread that reads ahead calls this, so that encoding and writing overlap.
        """
        for batch in batches:
            if self.bulk is not None:
                batch.encoded = b"".join(self._rows(batch, range(len(batch.keys))))
            yield batch

    def _version(self, batch: Batch, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        binary_copy.copy_in(
            self.connection,
            sql.Identifier("changed"),
            COLUMNS[:3],
            self._encoded(batch, numbers, binary_copy.row_start(3), b""),
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
            (self.load_id, self.as_of),
        ).rowcount

    def mark_deleted(self, gone: sql.Composable) -> None:
        """Write a deleted version of each record that `gone` (from … where …) selects."""
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
            (self.load_id, self.as_of),
        )

    @staticmethod
    def _encoded(batch: Batch, numbers: Sequence[int], start: bytes, end: bytes) -> Iterator[bytes]:
        field, jsonb = binary_copy.LENGTH.pack, binary_copy.VERSIONED.pack
        for n in numbers:
            key, payload, digest = batch.keys[n], batch.payloads[n], batch.hashes[n]
            yield start + field(len(key)) + key + jsonb(len(payload) + 1, 1)
            yield payload
            yield field(len(digest)) + digest + end

"""The record of a load: its counts, its rejected records, and the watermark for the next load.

>>> LoadLog(connection, "postbox", stream, run_id="r", as_of=as_of).result.load_id  # doctest: +SKIP
7
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from rapport.landing.batches import Batch
from rapport.vendors.source import Position, Rejected, Stream


@dataclass(slots=True)
class LoadResult:
    """The counts of one load, with read = landed + unchanged + rejected.

    `deleted` counts the records that were marked as deleted because the vendor no longer has them.
    """

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


def read_position(connection: psycopg.Connection, source: str, stream: str) -> Position | None:
    """The position at which the last committed load of a stream ended; None if there is none."""
    row = connection.execute(
        "select position from raw.watermarks where source = %s and stream = %s", (source, stream)
    ).fetchone()
    return row[0] if row else None


class LoadLog:
    """Writes the record of one load, in the caller's transactions."""

    def __init__(
        self,
        connection: psycopg.Connection,
        source: str,
        stream: Stream,
        *,
        run_id: str,
        as_of: datetime,
    ) -> None:
        self.connection = connection
        self.stream = stream
        self.as_of = as_of
        self.position = read_position(connection, source, stream.name)
        row = connection.execute(
            "insert into raw.loads (run_id, source, stream, as_of)"
            " values (%s, %s, %s, %s) returning load_id",
            (run_id, source, stream.name, as_of),
        ).fetchone()
        assert row is not None
        self.result = LoadResult(source, stream.name, row[0])

    def store_originals(self, records: Sequence[Rejected], outcome: str) -> None:
        """Store the original bytes of records that were rejected or repaired."""
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

    def store_odd(self, odd: Mapping[tuple[str, str], int]) -> None:
        """Add how many cells were not understood, by column and reason."""
        if not odd:
            return
        self.connection.execute(
            """
            insert into raw.oddities as known (load_id, column_name, reason, records)
            select %s, column_name, reason, records
            from unnest(%s::text[], %s::text[], %s::bigint[])
                as found (column_name, reason, records)
            on conflict (load_id, column_name, reason) do update
            set records = known.records + excluded.records
            """,
            (
                self.result.load_id,
                [column for column, _ in odd],
                [reason for _, reason in odd],
                list(odd.values()),
            ),
        )

    def advance(self, batch: Batch) -> None:
        """Move the position past a batch, if that is safe before the last page has landed."""
        if batch.position is not None:
            self._save(batch.position)
        elif batch.highest is not None:
            self.position = self._position(batch.highest)
            if self.stream.ordered:
                self._save(self.position)

    def count(self, batch: Batch, landed: int, rejected: int, repaired: int) -> None:
        """Add a batch to the counts and write them to `raw.loads`."""
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
        """Finish the load: move the watermark to the highest cursor of the stream."""
        if self.position is not None and self.stream.cursor and not self.stream.ordered:
            self._save(self.position)
        self.connection.execute(
            "update raw.loads set finished_at = clock_timestamp(), warning = %s where load_id = %s",
            (self.result.warning, self.result.load_id),
        )

    def add_deleted(self, deleted: int, warning: str | None) -> None:
        """Write how many records were marked as deleted, and the warning if there is one."""
        self.result.deleted = deleted
        self.result.warning = warning or self.result.warning
        self.connection.execute(
            "update raw.loads set deleted = %s, warning = %s where load_id = %s",
            (deleted, self.result.warning, self.result.load_id),
        )

    def _position(self, highest: datetime | int) -> Position:
        """The position of a cursor, at most `as_of`. Later changes belong to the next run."""
        far = self.as_of + timedelta(days=1)
        known = (self.position or {}).get("cursor")
        if isinstance(highest, datetime):
            is_far = highest > far
            capped = min(highest, self.as_of)
            if known is not None:
                capped = max(capped, min(datetime.fromisoformat(known), self.as_of))
            position: Position = {"cursor": capped.astimezone(UTC).isoformat()}
        else:
            limit = int(self.as_of.timestamp())
            is_far = highest > int(far.timestamp())
            position = {"cursor": max(min(highest, limit), min(int(known or 0), limit))}
        if is_far:
            self.result.warning = (
                "a record's cursor is more than a day in the future; the watermark stays at the "
                "time of the run"
            )
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

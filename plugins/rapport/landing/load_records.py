"""The books of a load: counts, rejects, and where the next load begins.

>>> Ledger(connection, "postbox", stream, run_id="r", as_of=as_of).result.load_id  # doctest: +SKIP
7
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.types.json import Jsonb

from rapport.landing.batches import Batch
from rapport.vendors.source import Position, Rejected, Stream


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


def read_position(connection: psycopg.Connection, source: str, stream: str) -> Position | None:
    """Where the last committed load of a stream ended; None if there was none."""
    row = connection.execute(
        "select position from raw.watermarks where source = %s and stream = %s", (source, stream)
    ).fetchone()
    return row[0] if row else None


class Ledger:
    """Writes the books of one load, inside of the caller's transactions."""

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

    def keep(self, records: Sequence[Rejected], outcome: str) -> None:
        """Keep what could not land as it was sent."""
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

    def advance(self, batch: Batch) -> None:
        """Move the position past a batch, as far as that is safe before the last page."""
        if batch.position is not None:
            self._save(batch.position)
        elif batch.highest is not None:
            self.position = self._position(batch.highest)
            if self.stream.ordered:
                self._save(self.position)

    def count(self, batch: Batch, landed: int, rejected: int, repaired: int) -> None:
        """Add a batch to the counts."""
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
        if self.position is not None and self.stream.cursor and not self.stream.ordered:
            self._save(self.position)
        self.connection.execute(
            "update raw.loads set finished_at = clock_timestamp(), warning = %s where load_id = %s",
            (self.result.warning, self.result.load_id),
        )

    def swept(self, deleted: int, warning: str | None) -> None:
        """Note how many records were found to be gone."""
        self.result.deleted = deleted
        self.result.warning = warning or self.result.warning
        self.connection.execute(
            "update raw.loads set deleted = %s, warning = %s where load_id = %s",
            (deleted, self.result.warning, self.result.load_id),
        )

    def _position(self, highest: datetime | int) -> Position:
        """Never past as_of: what the vendor gets to know after it is for the next night to read."""
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

"""Loads one stream: versions, load counts and watermark are committed in the same transaction.

Keys and hashes are sent to the server first, and only new and changed payloads follow. The first
load of a stream has nothing to compare with and builds the index at its end; if it is killed
before, the next load builds the index. Two processes never load the same stream at once: a process
that froze and was replaced has an outdated fencing token and commits nothing.

>>> land(connection, "postbox", stream, pages, run_id=run_id, as_of=as_of)  # doctest: +SKIP
LoadResult(source='postbox', stream='tickets', read=412, landed=37, ...)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import psycopg

from rapport import faults
from rapport.landing.batches import Batch, batches, read_ahead
from rapport.landing.deletions import mark_missing, store_live_keys
from rapport.landing.load_log import LoadLog, LoadResult
from rapport.landing.raw_tables import create_table
from rapport.landing.stream_writer import Writer
from rapport.landing.tombstones import ErasureFilter
from rapport.landing.unstorable_records import UNSTORABLE, split
from rapport.landing.versions import Versions
from rapport.vendors.source import Page, Position, Stream


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

    `pages` may be a function of the position to start from. `live_keys` lists all keys of the
    vendor, to find deleted records. Raises `AlreadyRunning` if another process loads the stream,
    `StaleWriter` if another process has taken over, and any error of the pages. Batches that were
    committed before an error stay and are not landed again.
    """
    started = time.monotonic()
    with Writer(connection, source, stream.name) as writer:
        create_table(connection, source, stream.name)
        log = LoadLog(connection, source, stream, run_id=run_id, as_of=as_of)
        result = log.result
        versions = Versions(connection, source, stream.name, load_id=result.load_id, as_of=as_of)
        found = pages(log.position) if callable(pages) else pages
        erased = ErasureFilter(connection, source, stream.name)

        def prepared() -> Iterator[Batch]:
            return versions.encode_ahead(erased.apply(batches(stream, found)))

        for batch in read_ahead(prepared):
            _commit(connection, writer, versions, log, batch, erased)
            progress(result)
        with connection.transaction():
            writer.check()
            versions.end_bulk()
            log.finish()
            if result.landed:
                versions.analyze()
        if live_keys is not None and (stream.sweep or (stream.replaces and result.read)):
            store_live_keys(connection, live_keys(), writer.check)
            with connection.transaction():
                writer.check()
                log.add_deleted(*mark_missing(connection, versions, stream.most_missing))
        result.seconds = time.monotonic() - started
        return result


def _commit(
    connection: psycopg.Connection,
    writer: Writer,
    versions: Versions,
    log: LoadLog,
    batch: Batch,
    erased: ErasureFilter,
) -> None:
    """Commit one batch: rows, rejected records, counts and position, in one transaction."""
    rejected, repaired = list(batch.rejected), list(batch.repaired)
    with connection.transaction():
        writer.check()
        versions.prepare(batch)
        try:
            with connection.transaction():
                landed = versions.insert(batch)
        except UNSTORABLE:
            storable = split(connection, batch)
            rejected += storable.rejected
            repaired += storable.repaired
            landed = versions.insert(storable)
        faults.point("landing.copied")
        erased.store_removed(connection, log.as_of)
        log.store_originals(rejected, "rejected")
        log.store_originals(repaired, "repaired")
        log.store_odd(batch.odd)
        log.advance(batch)
        log.count(batch, landed, len(rejected), len(repaired))
        faults.point("landing.before_commit")
    faults.point("landing.committed")

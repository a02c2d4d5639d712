"""One load of one stream: versions, ledger and watermark in the same transaction.

A payload that was landed before is not sent to the server again: keys and hashes go first, and
only what is new or changed follows. The first load of a stream compares with nothing and builds
the index at its end; a load that was killed before that leaves it to the next one. Two processes
never load the same stream at once; one that was frozen and overtaken finds its fencing token
outdated and commits nothing.

>>> land(connection, "postbox", stream, pages, run_id=run_id, as_of=as_of)  # doctest: +SKIP
LoadResult(source='postbox', stream='tickets', read=412, landed=37, ...)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import psycopg

from rapport import faults
from rapport.landing.batches import Batch, batches, read_ahead
from rapport.landing.deletions import remember, sweep
from rapport.landing.load_records import Ledger, LoadResult
from rapport.landing.raw_tables import create_table
from rapport.landing.stream_writer import Writer
from rapport.landing.tombstones import Erased
from rapport.landing.unstorable_records import UNSTORABLE, sift
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

    `pages` may be a function of the position to start from. Raises `AlreadyRunning` where another
    process loads the same stream, `StaleWriter` where one took over, and whatever the pages raise;
    what was committed until then stays and is not landed again.
    """
    started = time.monotonic()
    with Writer(connection, source, stream.name) as writer:
        create_table(connection, source, stream.name)
        ledger = Ledger(connection, source, stream, run_id=run_id, as_of=as_of)
        result = ledger.result
        versions = Versions(connection, source, stream.name, load_id=result.load_id, as_of=as_of)
        found = pages(ledger.position) if callable(pages) else pages
        erased = Erased(connection, source, stream.name)
        for batch in read_ahead(lambda: versions.ahead(erased.without(batches(stream, found)))):
            _commit(connection, writer, versions, ledger, batch, erased)
            progress(result)
        with connection.transaction():
            writer.check()
            versions.end_bulk()
            ledger.finish()
        if stream.sweep and live_keys is not None:
            remember(connection, live_keys(), writer.check)
            with connection.transaction():
                writer.check()
                ledger.swept(*sweep(connection, versions))
        result.seconds = time.monotonic() - started
        return result


def _commit(
    connection: psycopg.Connection,
    writer: Writer,
    versions: Versions,
    ledger: Ledger,
    batch: Batch,
    erased: Erased,
) -> None:
    """Write one batch: rows, rejects, ledger and position, all or nothing."""
    rejected, repaired = list(batch.rejected), list(batch.repaired)
    with connection.transaction():
        writer.check()
        versions.expect(batch)
        try:
            with connection.transaction():
                landed = versions.insert(batch)
        except UNSTORABLE:
            sifted = sift(connection, batch)
            rejected += sifted.rejected
            repaired += sifted.repaired
            landed = versions.insert(sifted)
        faults.point("landing.copied")
        erased.remember(connection, ledger.as_of)
        ledger.keep(rejected, "rejected")
        ledger.keep(repaired, "repaired")
        ledger.advance(batch)
        ledger.count(batch, landed, len(rejected), len(repaired))
        faults.point("landing.before_commit")
    faults.point("landing.committed")

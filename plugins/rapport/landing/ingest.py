"""The task of the ingest DAGs: reads every stream of a source and lands it.

>>> ingest("postbox", run_id=run_id, as_of=as_of)  # doctest: +SKIP
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from operator import attrgetter

import psycopg

from rapport import warehouse
from rapport.connectors import all_sources, open_source
from rapport.errors import GiveUp, RapportError, RetryLater
from rapport.landing.completeness import first_gap
from rapport.landing.load import land
from rapport.landing.load_log import LoadResult
from rapport.landing.raw_tables import create_table
from rapport.landing.rereading import reread
from rapport.settings import Settings, load_settings
from rapport.vendors.connections import Connection, get_connection
from rapport.vendors.http import Client
from rapport.vendors.source import Page, Position, Source, Stream

log = logging.getLogger(__name__)


def ensure_tables(connection: psycopg.Connection, settings: Settings) -> None:
    """Create the raw table of every stream of every source, which the staging models read."""
    for name in all_sources():
        for stream in open_source(name, settings).streams():
            create_table(connection, name, stream.name)


def ingest(
    source_name: str,
    *,
    run_id: str,
    as_of: datetime,
    progress: Callable[[LoadResult], None] = lambda result: None,
) -> list[LoadResult]:
    """Land all streams of a configured source; returns one result per stream.

    If a stream fails with `GiveUp`, the others still land and the error is raised at the end. If
    the vendor is busy or down, `RetryLater` is raised at once and the other streams are not read.
    """
    settings = load_settings()
    source = open_source(source_name, settings)
    with warehouse.connect(autocommit=True, application_name=f"ingest {source_name}") as connection:
        return pull(source, connection, run_id=run_id, as_of=as_of, progress=progress)


def pull(
    source: Source,
    connection: psycopg.Connection,
    *,
    run_id: str,
    as_of: datetime,
    progress: Callable[[LoadResult], None] = lambda result: None,
) -> list[LoadResult]:
    """Land all streams of a source; `connection` must be in autocommit mode."""
    for stream in source.streams():
        reread(connection, source.name, stream)
    results: list[LoadResult] = []
    errors: list[RapportError] = []
    name = source.name
    login = get_connection(name) if source.needs_connection else Connection(name)
    with source.client(login) as client:
        for stream in filter(attrgetter("enabled"), source.streams()):
            try:
                result = land(
                    connection,
                    source.name,
                    stream,
                    partial(_pages, stream, client, as_of),
                    run_id=run_id,
                    as_of=as_of,
                    live_keys=partial(stream.live_keys, client),
                    progress=progress,
                )
                _fill_gap(connection, source.name, stream, client, run_id=run_id, as_of=as_of)
            except (RetryLater, GiveUp) as error:
                log.warning("%s %s: %s", source.name, stream.name, error)
                errors.append(error)
                if isinstance(error, RetryLater):
                    break
                continue
            results.append(result)
            log.info(
                "%s %s: read %s, landed %s, rejected %s",
                source.name,
                stream.name,
                result.read,
                result.landed,
                result.rejected,
            )
    if errors:
        worst = min(errors, key=lambda error: not isinstance(error, RetryLater))
        if isinstance(worst, RetryLater) or len(errors) == 1:
            raise worst
        # Every stream that was not read is named, because each has its own reason.
        raise GiveUp(" ".join(map(str, errors)))
    return results


def _fill_gap(
    connection: psycopg.Connection,
    source: str,
    stream: Stream,
    client: Client,
    *,
    run_id: str,
    as_of: datetime,
) -> None:
    """If the vendor counts more records of a day than landed, read again from that day on."""
    if stream.counted is None:
        return
    start = first_gap(connection, source, stream, client, as_of)
    if start is None:
        return
    log.warning(
        "%s %s: fewer records landed than the vendor counts since %s; reading again from that day",
        source,
        stream.name,
        start.date(),
    )
    again = stream.again(client, start, as_of)
    land(connection, source, stream, again, run_id=run_id, as_of=as_of)
    first_gap(connection, source, stream, client, as_of)


def _pages(
    stream: Stream, client: Client, as_of: datetime, position: Position | None
) -> Iterable[Page]:
    return stream.pages(client, position, as_of)

"""Marks records as deleted that the vendor no longer lists, unless too many would go at once.

>>> store_live_keys(connection, keys, writer.check)  # doctest: +SKIP
>>> mark_missing(connection, versions)  # doctest: +SKIP
(3, None)
"""

import logging
from collections.abc import Callable, Iterable, Sequence

import psycopg
from psycopg import sql

from rapport.landing.versions import Versions
from rapport.warehouse import binary_copy

log = logging.getLogger(__name__)

ALWAYS_ALLOWED = 20  # records; a small table may lose more than its share
BATCH_KEYS = 10_000


def store_live_keys(
    connection: psycopg.Connection, keys: Iterable[Sequence[str]], check: Callable[[], None]
) -> None:
    """Store every key that the vendor lists in a temporary table, for `mark_missing`.

    The vendor may take an hour, so no transaction stays open. Each batch has its own transaction,
    in which `check` is called first.
    """
    connection.execute(
        'drop table if exists pg_temp.live;create temp table live (record_key text collate "C")'
    )
    batch: list[str] = []

    def write() -> None:
        with connection.transaction():
            check()
            binary_copy.copy_in(
                connection,
                sql.Identifier("live"),
                ("record_key",),
                (binary_copy.row_start(1) + binary_copy.field(key.encode()) for key in batch),
            )
        batch.clear()

    for some in keys:
        batch += some
        if len(batch) >= BATCH_KEYS:
            write()
    write()
    connection.execute("analyze live")


def mark_missing(
    connection: psycopg.Connection, versions: Versions, most: float
) -> tuple[int, str | None]:
    """Mark records as deleted whose key is not listed, in the caller's transaction.

    Returns how many, and a warning if none was marked because more than the share `most` of all
    records is missing.
    """
    gone = sql.SQL("""
        from {} as landed
        where is_latest and not is_deleted
            and not exists (select from live where live.record_key = landed.record_key)
    """).format(versions.table)
    counts = connection.execute(
        sql.SQL(
            "select (select count(*) {gone}),"
            " (select count(*) from {table} where is_latest and not is_deleted)"
        ).format(gone=gone, table=versions.table)
    ).fetchone()
    assert counts is not None
    missing, total = counts
    is_all = missing == total and total > 1
    if is_all or missing > max(ALWAYS_ALLOWED, total * most):
        warning = (
            f"{missing} of {total} records are missing at the vendor; this is more than "
            f"{most:.0%}, so none was marked as deleted"
        )
        log.warning("%s %s: %s", versions.source, versions.stream, warning)
        return 0, warning
    if missing:
        versions.mark_deleted(gone)
    return missing, None

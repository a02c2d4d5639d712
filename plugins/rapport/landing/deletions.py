"""What a vendor no longer lists is marked as deleted, unless too much would go at once.

>>> remember(connection, keys, writer.check)  # doctest: +SKIP
>>> sweep(connection, versions)  # doctest: +SKIP
(3, None)
"""

import logging
from collections.abc import Callable, Iterable, Sequence

import psycopg
from psycopg import sql

from rapport.landing.versions import Versions
from rapport.warehouse import binary_copy

log = logging.getLogger(__name__)

LARGEST_SHARE = 0.2
ALWAYS_BELIEVED = 20
BATCH_KEYS = 10_000


def remember(
    connection: psycopg.Connection, keys: Iterable[Sequence[str]], check: Callable[[], None]
) -> None:
    """Keep every key that the vendor lists, for `sweep`.

    The vendor may take an hour for them, so no transaction is open meanwhile, and `check` is called
    with each batch in its own.
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


def sweep(connection: psycopg.Connection, versions: Versions) -> tuple[int, str | None]:
    """Inside of a transaction: how many got a tombstone, and why none did where too many would."""
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
    missing, held = counts
    is_all = missing == held and held > 1
    if is_all or missing > max(ALWAYS_BELIEVED, held * LARGEST_SHARE):
        warning = (
            f"{missing} of {held} records are gone at the vendor: too many to believe, "
            "none was marked as deleted"
        )
        log.warning("%s %s: %s", versions.source, versions.stream, warning)
        return 0, warning
    if missing:
        versions.bury(gone)
    return missing, None

"""Deletes data after its retention period: old versions, run records, reports and leftovers.

>>> prune(connection, at=now)  # doctest: +SKIP
{'old versions': 1204, 'rejected records': 3, ...}
"""

import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from rapport.errors import RetryLater
from rapport.landing import person_references
from rapport.landing.raw_tables import table_of
from rapport.paths import var_dir
from rapport.privacy import requests
from rapport.runs.run import at_work

Connection = psycopg.Connection[Any]
DRAFTS_AFTER = timedelta(days=1)

# (key of the count, table, condition on the rows to delete, with the time limit `before`)
OF_RUNS = (
    ("stages of nights", "ops.stages", "started_at < %(before)s and status <> 'running'"),
    ("results of gates", "quality.results", "checked_at < %(before)s"),
    ("sizes of segments", "segments.sizes", "as_of < %(before)s"),
    ("completeness", "raw.completeness", "checked_at < %(before)s"),
)
OF_RECEIPTS = (
    ("receipts", "activation.receipts", "sent_at < %(before)s"),
    ("changes of lists", "activation.sync_changelog", "at < %(before)s"),
    ("runs of lists", "activation.sync_runs", "as_of < %(before)s"),
    ("former memberships", "segments.membership", "left_at < %(before)s"),
)
OF_CRASHES = """
select schemas.nspname, tables.relname, tables.relkind
from pg_class as tables
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'v')
    and tables.relname ~ '__dbt_(tmp|backup)[0-9]*$'
    and schemas.nspname !~ '^pg_'
"""


def prune(connection: Connection, *, at: datetime) -> dict[str, int]:
    """Delete what is older than the retention periods in rapport.yml; returns counts by kind.

    `connection` must be in autocommit mode. Raises `RetryLater` while a run is in progress.
    """
    if at_work(connection, at) is not None:
        raise RetryLater("prune: a run is in progress. Try again when it has ended.")
    keep = requests.options()
    counts: dict[str, int] = {}
    if keep.keep_old_versions_days is not None:
        before = at - timedelta(days=keep.keep_old_versions_days)
        counts["old versions"] = sum(
            _old_versions(connection, source, stream, before)
            for source, stream in person_references.streams()
        )
    if keep.keep_rejected_records_days is not None:
        before = at - timedelta(days=keep.keep_rejected_records_days)
        counts["rejected records"] = connection.execute(
            "delete from raw.rejected_records where rejected_at < %s", (before,)
        ).rowcount
    for days, kinds in ((keep.keep_runs_days, OF_RUNS), (keep.keep_receipts_days, OF_RECEIPTS)):
        if days is not None:
            limit = {"before": at - timedelta(days=days)}
            for what, table, condition in kinds:
                counts[what] = connection.execute(
                    f"delete from {table} where {condition}",  # noqa: S608
                    limit,
                ).rowcount
    counts["leftovers of crashes"] = _drop_leftovers(connection)
    counts |= _prune_files(at, keep)
    return counts


def _old_versions(connection: Connection, source: str, stream: str, before: datetime) -> int:
    """Delete the versions that were replaced by a newer one before the limit."""
    table = table_of(source, stream)
    row = connection.execute("select to_regclass(%s) is not null", (table.as_string(),)).fetchone()
    if not row or not row[0]:
        return 0
    return connection.execute(
        sql.SQL(
            """
            delete from {table} as old
            where not is_latest and not exists (
                select from {table} as newer
                where newer.record_key = old.record_key and newer.load_id > old.load_id
                    and newer.as_of >= %(before)s
                    and not exists (
                        select from {table} as between_them
                        where between_them.record_key = old.record_key
                            and between_them.load_id > old.load_id
                            and between_them.load_id < newer.load_id
                    )
            )
            """
        ).format(table=table),
        {"before": before},
    ).rowcount


def _drop_leftovers(connection: Connection) -> int:
    found = connection.execute(OF_CRASHES).fetchall()
    for schema, name, kind in found:
        what = sql.SQL("view" if kind == "v" else "table")
        connection.execute(
            sql.SQL("drop {} if exists {} cascade").format(what, sql.Identifier(schema, name))
        )
    return len(found)


def _prune_files(at: datetime, keep: requests.Options) -> dict[str, int]:
    """Delete folders of old runs, old access archives, and drafts of killed processes."""
    counts = {"folders of runs": 0, "archives": 0, "drafts": 0}
    if keep.keep_runs_days is not None:
        limit = f"{at - timedelta(days=keep.keep_runs_days):%Y%m%d}"
        for folder in (var_dir() / "runs").glob("[0-9]*"):
            if folder.name[:8] < limit:
                shutil.rmtree(folder)
                counts["folders of runs"] += 1
    for archive in (var_dir() / "access").glob("*.zip"):
        if _is_older(archive, timedelta(days=keep.keep_archives_days)):
            archive.unlink()
            counts["archives"] += 1
    for place in ("runs", "exports", "access", "backups"):
        for draft in (var_dir() / place).rglob(".*.[0-9]*"):
            if draft.is_file() and _is_older(draft, DRAFTS_AFTER):
                draft.unlink()
                counts["drafts"] += 1
    return counts


def _is_older(path: Path, age: timedelta) -> bool:
    """Whether a file is older than `age` by the machine's clock, which set its timestamp."""
    return time.time() - path.stat().st_mtime > age.total_seconds()

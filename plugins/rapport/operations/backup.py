"""Backup of the warehouse to one file, and restore, which repeats the erasures made since.

A backup is `<stamp>.dump` in pg_dump's own format and `<stamp>.json` with its checksum. Readers get
at a restored warehouse only once the erasures are repeated: the grants come last.

>>> backup(at=datetime.now(UTC)).name  # doctest: +SKIP
'20260331T120000Z.dump'
"""

import hashlib
import json
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from rapport.errors import ConfigError, RetryLater
from rapport.paths import draft_of, private_file, var_dir

# The vendors' tokens are in no backup: who has one could read the vendor, and they end anyway.
TOKENS = "ops.vendor_tokens"
TABLES_OF_REQUESTS = ("requests", "receipts")


def backup(*, at: datetime, folder: Path | None = None) -> Path:
    """Write a backup of the warehouse as of this moment; a run may be under way.

    Raises `RetryLater` where pg_dump does not come to its end.
    """
    folder = folder or var_dir() / "backups"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{at:%Y%m%dT%H%M%SZ}.dump"
    with draft_of(path, mode=0o600) as draft:
        _run(
            "pg_dump", "--format=custom", "--no-owner", "--no-acl", f"--file={draft}",
            f"--exclude-table-data={TOKENS}",
        )  # fmt: skip
        manifest = {
            "at": at.isoformat(timespec="seconds"),
            "bytes": draft.stat().st_size,
            "sha256": _digest(draft),
        }
    private_file(path.with_suffix(".json"), json.dumps(manifest, indent=2) + "\n")
    return path


def restore(path: Path, *, at: datetime) -> dict[str, int]:
    """Replace the warehouse by a backup, in one transaction, then repeat the erasures.

    Requests that came after the backup are kept. Raises `ConfigError` for a file that is not whole
    or while a run is under way.
    """
    from rapport import warehouse
    from rapport.landing import ensure_tables
    from rapport.privacy.repeated_erasures import replay
    from rapport.settings import load_settings

    _must_be_whole(path)
    with warehouse.connect(autocommit=True) as connection:
        _must_be_quiet(connection)
        kept, tokens = _requests(connection), _tokens(connection)
        drop = _drop_everything(connection)
    script = path.with_name(f".{path.name}.{os.getpid()}.sql")
    script.touch(mode=0o600)
    try:
        _run("pg_restore", "--no-owner", "--no-acl", f"--file={script}", str(path), on_server=False)
        _run(
            "psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1",
            f"--command={drop}", f"--file={script}",
        )  # fmt: skip
    finally:
        script.unlink(missing_ok=True)
    warehouse.migrate(grants=False)
    with warehouse.connect(autocommit=True) as connection:
        ensure_tables(connection, load_settings())
        _keep_requests(connection, kept)
        connection.execute(
            "insert into ops.vendor_tokens"
            " select * from jsonb_populate_recordset(null::ops.vendor_tokens, %s::jsonb)",
            (json.dumps(tokens),),
        )
        counts = replay(connection, at=at)
    warehouse.migrate()
    return counts


def _run(program: str, *arguments: str, on_server: bool = True) -> None:
    """Run one of Postgres' programs; the password is in its environment, not in its arguments."""
    from rapport import warehouse
    from rapport.warehouse import data_folder

    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGTZ": "UTC"}
    target: list[str] = []
    if on_server:
        fields = conninfo_to_dict(warehouse.url())
        environment["PGPASSWORD"] = str(fields.pop("password", ""))
        named = " ".join(f"{key}='{value}'" for key, value in fields.items())
        target = [f"--dbname={named}"]
    done = subprocess.run(
        [str(data_folder.package() / "bin" / program), *target, *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        # The first line names the object; what follows may quote a row.
        said = (done.stderr.strip().splitlines() or ["no word"])[0][:200]
        raise RetryLater(f"{program}: {said} (exit {done.returncode}). Nothing was changed.")


def _must_be_whole(path: Path) -> None:
    manifest = path.with_suffix(".json")
    if not path.is_file() or not manifest.is_file():
        raise ConfigError(f"{path}: no backup with its .json beside it. See `rapport db backup`.")
    if json.loads(manifest.read_text(encoding="utf-8"))["sha256"] != _digest(path):
        raise ConfigError(f"{path}: is not what was backed up, its checksum differs. Take another.")


def _must_be_quiet(connection: psycopg.Connection[Any]) -> None:
    there = connection.execute("select to_regclass('ops.nights')").fetchone()
    if there == (None,):
        return
    row = connection.execute(
        "select run_id from ops.nights where status = 'running'"
        " and started_at > clock_timestamp() - interval '6 hours'"
    ).fetchone()
    if row is not None:
        raise ConfigError(f"restore: run {row[0]} is under way. Wait for its end, or end it.")


def _drop_everything(connection: psycopg.Connection[Any]) -> str:
    rows = connection.execute(
        "select nspname from pg_namespace where nspname !~ '^pg_'"
        " and nspname not in ('information_schema', 'public')"
    )
    names = sql.SQL(", ").join(sql.Identifier(row[0]) for row in rows)
    statement = sql.SQL("drop schema if exists {} cascade").format(names).as_string(connection)
    return f"set client_min_messages = warning; {statement}" if names.as_string() else "select"


def _requests(connection: psycopg.Connection[Any]) -> dict[str, list[dict[str, Any]]]:
    """The requests of people, including those made after the backup."""
    if connection.execute("select to_regclass('privacy.requests')").fetchone() == (None,):
        return {}
    return {
        table: [
            row[0]
            for row in connection.execute(
                sql.SQL("select to_jsonb(t) from {} as t").format(sql.Identifier("privacy", table))
            )
        ]
        for table in TABLES_OF_REQUESTS
    }


def _tokens(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """The vendors' tokens of today; a restore keeps them."""
    if connection.execute("select to_regclass('ops.vendor_tokens')").fetchone() == (None,):
        return []
    return [row[0] for row in connection.execute("select to_jsonb(t) from ops.vendor_tokens as t")]


def _keep_requests(
    connection: psycopg.Connection[Any], kept: dict[str, list[dict[str, Any]]]
) -> None:
    with connection.transaction():
        if not kept:
            return
        connection.execute("delete from privacy.subjects")
        connection.execute("delete from privacy.receipts")
        connection.execute("delete from privacy.requests")
        for table in TABLES_OF_REQUESTS:
            connection.execute(
                sql.SQL(
                    "insert into {0} overriding system value"
                    " select * from jsonb_populate_recordset(null::{0}, %s::jsonb)"
                ).format(sql.Identifier("privacy", table)),
                (json.dumps(kept[table]),),
            )
        # An erasure that was under way starts again: the backup may have brought the person back.
        connection.execute("update privacy.requests set state = 'open' where state = 'running'")
        connection.execute(
            "delete from privacy.receipts using privacy.requests"
            " where requests.request_id = receipts.request_id and requests.state <> 'done'"
        )
        connection.execute(
            "select setval(pg_get_serial_sequence('privacy.requests', 'request_id'),"
            " greatest((select max(request_id) from privacy.requests), 1))"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

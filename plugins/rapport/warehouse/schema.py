"""The warehouse's tables that Python owns, brought up to date by numbered SQL files.

>>> migrate()  # doctest: +SKIP
['0001_landing']
"""

import hashlib
import logging
from pathlib import Path
from typing import Any

import psycopg

from rapport.errors import ConfigError

FOLDER = Path(__file__).parent / "migrations"
LOCK = 7_267_708_116  # any number, the same for everybody
LEDGER = """
create schema if not exists ops;
create table if not exists ops.migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""

log = logging.getLogger(__name__)


def migrate(folder: Path = FOLDER) -> list[str]:
    """Apply what is new, in order, all or nothing; returns the names.

    Two processes at once are safe: the second waits and finds nothing to do. Raises `ConfigError`
    where a file was changed after it had been applied, or does not run.
    """
    from rapport.warehouse import connect

    files = sorted(folder.glob("[0-9]*.sql"))
    with connect() as connection:
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        # Without this a second run would print a notice for each thing that is there.
        connection.execute("set local client_min_messages = warning")
        connection.execute(LEDGER)
        rows = connection.execute("select name, checksum from ops.migrations").fetchall()
        applied: dict[str, str] = dict(rows)
        return [file.stem for file in files if _apply(connection, file, applied)]


def pending(connection: psycopg.Connection[Any], folder: Path = FOLDER) -> list[str]:
    """The names of the migrations that are not applied yet."""
    files = [file.stem for file in sorted(folder.glob("[0-9]*.sql"))]
    row = connection.execute("select to_regclass('ops.migrations')").fetchone()
    if not row or row[0] is None:
        return files
    applied = {name for (name,) in connection.execute("select name from ops.migrations")}
    return [name for name in files if name not in applied]


def _apply(connection: psycopg.Connection[Any], file: Path, applied: dict[str, str]) -> bool:
    content = file.read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    if file.stem in applied:
        if applied[file.stem] != checksum:
            raise ConfigError(
                f"{file}: changed after it was applied to this warehouse. Undo the change and put "
                "it into a new file with the next number."
            )
        return False
    try:
        connection.execute(content)
    except psycopg.Error as error:
        position = int(error.diag.statement_position or 1)
        line = content.decode()[: position - 1].count("\n") + 1
        raise ConfigError(
            f"{file}:{line}: {error.diag.message_primary or error}. Nothing was applied."
        ) from None
    connection.execute(
        "insert into ops.migrations (name, checksum) values (%s, %s)", [file.stem, checksum]
    )
    log.info("migration applied: %s", file.stem)
    return True

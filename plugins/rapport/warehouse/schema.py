"""The warehouse's tables that Python owns, brought up to date by numbered SQL files.

>>> migrate()  # doctest: +SKIP
['0001_landing']
"""

import contextlib
import hashlib
import logging
from pathlib import Path
from typing import Any

import psycopg
import yaml

from rapport.errors import ConfigError
from rapport.warehouse import roles, segment_login

FOLDER = Path(__file__).parent / "migrations"
LEDGER = """
create schema if not exists ops;
create table if not exists ops.migrations (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""

log = logging.getLogger(__name__)


def migrate(folder: Path = FOLDER, grants: bool = True) -> list[str]:
    """Apply what is new, in order, all or nothing; returns the names.

    Roles and grants are brought to what `roles.yml` says, unless without `grants`. Two processes
    at once are safe: the second waits and finds nothing to do. Raises `ConfigError` where a file
    was changed after it had been applied, or does not run.
    """
    from rapport.warehouse import connect

    with connect() as connection:
        # Without this a second run would print a notice for each thing that is there.
        connection.execute("set local client_min_messages = warning")
        _take_turn(connection)
        _rename(connection, folder)
        new = _new(connection, folder)
        for file in new:
            _apply(connection, file)
        if grants:
            roles.apply(connection)
            segment_login.ensure(connection)
    return [file.stem for file in new]


def pending(connection: psycopg.Connection[Any], folder: Path = FOLDER) -> list[str]:
    """The names of the migrations that are not applied yet. Raises `ConfigError` as `migrate`."""
    row = connection.execute("select to_regclass('ops.migrations')").fetchone()
    if row == (None,):
        return [file.stem for file in _files(folder)]
    return [file.stem for file in _new(connection, folder)]


def _take_turn(connection: psycopg.Connection[Any]) -> None:
    """The ledger, locked until the end of the transaction."""
    with contextlib.suppress(psycopg.errors.UniqueViolation), connection.transaction():
        # Of two that make it at once, the second waits for the first and is refused.
        connection.execute(LEDGER)
    connection.execute("lock table ops.migrations in exclusive mode")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.sql"))


def _renamed(folder: Path) -> dict[str, str]:
    """Old names and the names that replaced them, from `renamed.yml`."""
    file = folder / "renamed.yml"
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.exists() else {}


def _rename(connection: psycopg.Connection[Any], folder: Path) -> None:
    """Record what was applied under an old name by its new name."""
    renamed = _renamed(folder)
    connection.execute(
        "update ops.migrations set name = renamed.new_name"
        " from unnest(%s::text[], %s::text[]) as renamed (old_name, new_name)"
        " where name = renamed.old_name",
        [list(renamed), list(renamed.values())],
    )


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _new(connection: psycopg.Connection[Any], folder: Path) -> list[Path]:
    renamed = _renamed(folder)
    recorded = connection.execute("select name, checksum from ops.migrations").fetchall()
    applied = {renamed.get(name, name): checksum for name, checksum in recorded}
    for file in _files(folder):
        if applied.get(file.stem, _checksum(file)) != _checksum(file):
            raise ConfigError(
                f"{file}: changed after it was applied to this warehouse. Undo the change and put "
                "it into a new file with the next number."
            )
    return [file for file in _files(folder) if file.stem not in applied]


def _apply(connection: psycopg.Connection[Any], file: Path) -> None:
    try:
        connection.execute(file.read_bytes())
    except psycopg.Error as error:
        position = int(error.diag.statement_position or 1)
        line = file.read_text()[: position - 1].count("\n") + 1
        raise ConfigError(
            f"{file}:{line}: {error.diag.message_primary or error}. Nothing was applied."
        ) from None
    connection.execute(
        "insert into ops.migrations (name, checksum) values (%s, %s)",
        [file.stem, _checksum(file)],
    )
    log.info("migration applied: %s", file.stem)

"""Migrations: once each, in order, whole or not at all, however many ask."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.errors import ConfigError
from rapport.warehouse import migrate

Warehouse = psycopg.Connection[Any]


def write(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"{name}.sql").write_text(content)
    return folder


def names(warehouse: Warehouse) -> list[str]:
    rows = warehouse.execute("select name from ops.migrations order by name").fetchall()
    return [row[0] for row in rows]


def test_a_second_migration_changes_nothing(warehouse: Warehouse) -> None:
    before = warehouse.execute("select * from ops.migrations order by name").fetchall()
    assert before
    assert migrate() == []
    assert warehouse.execute("select * from ops.migrations order by name").fetchall() == before


def test_new_files_are_applied_in_the_order_of_their_numbers(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    folder = write(
        tmp_path,
        notes="not a migration",
        **{"9002_more": "alter table probe add b int", "9001_first": "create table probe (a int)"},
    )
    assert migrate(folder) == ["9001_first", "9002_more"]
    assert warehouse.execute("select a, b from probe").fetchall() == []


def test_a_migration_that_fails_leaves_nothing_and_names_the_line(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    folder = write(
        tmp_path,
        **{"9001_good": "create table probe (a int);", "9002_bad": "select 1;\nselect wrong;"},
    )
    with pytest.raises(ConfigError, match=r'9002_bad\.sql:2: column "wrong" does not exist'):
        migrate(folder)
    assert "9001_good" not in names(warehouse)
    assert warehouse.execute("select to_regclass('probe')").fetchone() == (None,)


def test_a_migration_changed_after_it_was_applied_is_refused(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    migrate(write(tmp_path, **{"9001_first": "create table probe (a int)"}))
    write(tmp_path, **{"9001_first": "create table probe (a bigint)"})
    with pytest.raises(ConfigError, match=r"9001_first\.sql: changed after it was applied"):
        migrate(tmp_path)


def test_processes_at_once_apply_each_migration_once(warehouse: Warehouse, tmp_path: Path) -> None:
    write(tmp_path, **{"9001_slow": "create table probe (a int); select pg_sleep(0.3)"})
    code = (
        "import sys; from pathlib import Path; from rapport.warehouse import migrate;"
        "print(len(migrate(Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert sorted(said) == ["0", "0", "0", "1"]
    assert names(warehouse).count("9001_slow") == 1

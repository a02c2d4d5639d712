"""A warehouse of an older release comes forward without losing what it holds."""

import contextlib
import hashlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from tests.conftest import drop_database

from rapport.runs.stages import NAMES, name_of
from rapport.warehouse import connect, migrate, pending, roles
from rapport.warehouse.schema import FOLDER

RENAMED: dict[str, str] = yaml.safe_load((FOLDER / "renamed.yml").read_text())
# Name and checksum of each migration as warehouses recorded them before 0.2.0, in their order.
BEFORE: dict[str, str] = yaml.safe_load(
    (Path(__file__).parent / "numbered_by_area.yml").read_text(encoding="utf-8")
)
# The migrations that each state of the tables ended with.
RELEASES = {
    "0.1.0": ["0001_landing", "0200_identity", "0201_identity_indexes", "0300_activation",
              "0400_ops"],
    "the last one numbered by area": list(BEFORE),
}  # fmt: skip

CATALOG = """
select 'column', attrelid::regclass::text, attnum::text, attname, format_type(atttypid, atttypmod),
    attnotnull::text, attgenerated::text || attidentity::text, pg_get_expr(adbin, adrelid)
from pg_attribute
inner join pg_class on pg_class.oid = attrelid and relkind in ('r', 'v', 'm', 'p', 'S')
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attnum > 0 and not attisdropped and relnamespace in (select oid from ours)
union all
select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
from pg_constraint where connamespace in (select oid from ours)
union all
select 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), '', '', '', '', ''
from pg_index inner join pg_class on pg_class.oid = indexrelid
where relnamespace in (select oid from ours)
union all
select 'view', oid::regclass::text, pg_get_viewdef(oid), '', '', '', '', ''
from pg_class where relkind = 'v' and relnamespace in (select oid from ours)
union all
select 'function', oid::regprocedure::text, pg_get_functiondef(oid), proacl::text, '', '', '', ''
from pg_proc where pronamespace in (select oid from ours)
union all
select 'comment', pg_describe_object(classoid, objoid, objsubid), description, '', '', '', '', ''
from pg_description
where classoid = 'pg_class'::regclass
    and objoid in (select oid from pg_class where relnamespace in (select oid from ours))
    or classoid = 'pg_proc'::regclass
    and objoid in (select oid from pg_proc where pronamespace in (select oid from ours))
"""
KINDS = {"column", "constraint", "index", "view", "function", "comment"}
OURS = """
with ours as (
    select oid from pg_namespace
    where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
)
"""


@contextlib.contextmanager
def empty_warehouse(postgres: str) -> Iterator[None]:
    """A database without any table, which is the warehouse meanwhile."""
    name = f"forward_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as admin, pytest.MonkeyPatch.context() as patch:
        admin.execute(f"create database {name}")
        parts = urlsplit(postgres)
        patch.setenv("AIRFLOW_CONN_WAREHOUSE", parts._replace(path=f"/{name}").geturl())
        yield
        drop_database(admin, name)


@pytest.fixture
def empty(postgres: str) -> Iterator[None]:
    with empty_warehouse(postgres):
        yield


@pytest.fixture(scope="module")
def fresh(postgres: str) -> tuple[list[Any], list[Any]]:
    """What a new warehouse records as applied, and its catalog."""
    with empty_warehouse(postgres):
        migrate()
        with connect(autocommit=True) as connection:
            return applied(connection), catalog(connection)


def old_folder(release: str, folder: Path) -> Path:
    """The migrations as the release had them."""
    for name in RELEASES[release]:
        shutil.copy(FOLDER / f"{RENAMED.get(name, name)}.sql", folder / f"{name}.sql")
    return folder


def catalog(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Every column, constraint, index, view, function and comment, in the order of their names."""
    # Sorted here: a database's collation is not that of Python.
    rows = connection.execute(OURS + CATALOG).fetchall()
    return sorted(tuple(value or "" for value in row) for row in rows)


def applied(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return connection.execute("select name, checksum from ops.migrations order by name").fetchall()


def test_the_migrations_are_one_sequence_without_a_gap() -> None:
    numbers = [int(file.stem.partition("_")[0]) for file in sorted(FOLDER.glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_renamed_migration_is_still_the_file_that_warehouses_applied() -> None:
    files = {name: FOLDER / f"{RENAMED.get(name, name)}.sql" for name in BEFORE}
    now = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}
    assert now == BEFORE


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("release", RELEASES)
def test_an_old_warehouse_comes_to_the_tables_of_a_new_one(
    release: str, tmp_path: Path, fresh: tuple[list[Any], list[Any]]
) -> None:
    old = migrate(old_folder(release, tmp_path), grants=False)
    assert old == RELEASES[release]
    with connect(autocommit=True) as connection:
        expected = pending(connection)
        assert migrate() == expected
        assert set(expected).isdisjoint(RENAMED.get(name, name) for name in old)
        assert migrate() == []
        assert (applied(connection), catalog(connection)) == fresh
    assert {row[0] for row in fresh[1]} == KINDS


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("release", RELEASES)
def test_a_released_warehouse_comes_forward_with_what_it_holds(
    release: str, tmp_path: Path
) -> None:
    assert migrate(old_folder(release, tmp_path), grants=False) == RELEASES[release]
    with connect(autocommit=True) as connection:
        connection.execute(
            "insert into ops.nights (run_id, as_of, status) values ('r', now(), 'succeeded');"
            "insert into raw.loads (run_id, source, stream, as_of) values ('r', 's', 't', now());"
            "insert into segments.keys values ('readers', 'seg_readers', now());"
            "insert into segments.membership"
            " (segment, customer_id, entered_at, arm, traits, changed_at)"
            " values ('readers', 'c_1', now(), 'treated', '{}', now());"
            "insert into activation.ledger (destination, segment, customer_id, state)"
            " values ('files', 'readers', 'c_1', 'sent');"
            "create table raw.crm__people (record_key text)"
        )
    migrate()
    with connect(autocommit=True) as connection:
        for table in ("ops.nights", "raw.loads", "segments.membership", "activation.ledger"):
            query = psycopg.sql.SQL("select count(*) from {}").format(
                psycopg.sql.Identifier(*table.split("."))
            )
            assert connection.execute(query).fetchone() == (1,), table
        assert not roles.wanted(connection) - roles.granted(connection)
        readable = connection.execute(
            "select has_table_privilege('loader', 'raw.crm__people', 'insert')"
        )
        assert readable.fetchone() == (True,)


@pytest.mark.usefixtures("empty")
def test_stages_of_older_runs_get_the_kind_and_subject_that_their_names_mean(
    tmp_path: Path,
) -> None:
    migrate(old_folder("0.1.0", tmp_path), grants=False)
    names = {name_of(kind, "a b"): (kind, "a b" if "{}" in NAMES[kind] else None) for kind in NAMES}
    names["a stage of long ago"] = ("other", None)
    with connect(autocommit=True) as connection:
        connection.execute("insert into ops.nights (run_id, as_of) values ('r', now())")
        for name in names:
            connection.execute("insert into ops.stages (run_id, name) values ('r', %s)", [name])
        migrate()
        rows = connection.execute("select name, kind, subject from ops.stages").fetchall()
    assert {name: (kind, subject) for name, kind, subject in rows} == names

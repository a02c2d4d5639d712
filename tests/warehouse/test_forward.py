"""A warehouse of an older release comes forward without losing what it holds."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.conftest import drop_database

from rapport.warehouse import connect, migrate, roles
from rapport.warehouse.schema import FOLDER

# The migrations that each release ended with.
RELEASES = {
    "0.1.0": ["0001_landing", "0200_identity", "0201_identity_indexes", "0300_activation",
              "0400_ops"],
}  # fmt: skip


@pytest.fixture
def empty(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database without any table, which is the warehouse meanwhile."""
    name = f"forward_{secrets.token_hex(4)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name}")
        parts = urlsplit(postgres)
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", parts._replace(path=f"/{name}").geturl())
        yield
        drop_database(admin, name)


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("release", RELEASES)
def test_a_released_warehouse_comes_forward_with_what_it_holds(
    release: str, tmp_path: Path
) -> None:
    for name in RELEASES[release]:
        shutil.copy(FOLDER / f"{name}.sql", tmp_path)
    assert migrate(tmp_path, grants=False) == RELEASES[release]
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
    new = migrate()
    assert set(new).isdisjoint(RELEASES[release])
    assert "0500_privacy" in new
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
    assert migrate() == []

"""The hand-made company in a warehouse, built once for all tests that only look at it."""

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd
import psycopg
import pytest
from tests.conftest import drop_database, point_to

from rapport import comments
from rapport.settings import Settings, load_settings
from rapport.transform import dbt
from rapport.transform.graph import manifest_path

from .crowd import ZONE, land_the_crowd
from .landed import NIGHT, Connection, know_everybody, land_the_company
from .talk import land_the_talk

Read = Callable[[str], pd.DataFrame]


def run_dbt(*args: str, as_of: datetime, settings: Settings | None = None) -> list[Any]:
    """One invocation; every result, after all of them succeeded."""
    outcome = dbt.invoke(list(args), settings or load_settings(), as_of)
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [
        f"{result.node.name}: {result.message}"
        for result in results
        if result.status in ("error", "fail", "runtime error", "warn")
    ]
    assert not failed, "\n".join(failed)
    assert outcome.success, outcome.exception
    return results


def build(
    connection: Connection,
    as_of: datetime = NIGHT,
    *args: str,
    settings: Settings | None = None,
) -> None:
    """Staging, a simple identity, comments read, marts; with all tests, unit tests too."""
    run_dbt("build", "--select", "tag:staging", *args, as_of=as_of, settings=settings)
    know_everybody(connection)
    comments.read(as_of=as_of, connection=connection)
    run_dbt("build", "--select", "tag:marts", *args, as_of=as_of, settings=settings)


def read(connection: Connection, query: str) -> pd.DataFrame:
    """A query's rows."""
    cursor = connection.execute(query)  # type: ignore[arg-type]
    assert cursor.description is not None
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


@contextlib.contextmanager
def prepared(
    postgres: str, template: str, prepare: Callable[[Connection], None]
) -> Iterator[Connection]:
    """A warehouse that outlives a test; it is the warehouse only while it is prepared."""
    from rapport.warehouse import connect

    name = f"company_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        with contextlib.ExitStack() as stack:
            with pytest.MonkeyPatch.context() as patch:
                point_to(patch, postgres, name)
                connection = stack.enter_context(connect(autocommit=True))
                prepare(connection)
            yield connection
        drop_database(admin, name)


@pytest.fixture(scope="session")
def built(postgres: str, template: str) -> Iterator[tuple[Connection, dict[str, Any]]]:
    """The hand-made company after its night, and what dbt knows about the project."""
    manifest: dict[str, Any] = {}

    def prepare(connection: Connection) -> None:
        land_the_company(connection)
        build(connection)
        assert len(run_dbt("test", "--select", "untrusted_*", as_of=NIGHT)) == 4
        manifest.update(json.loads(manifest_path().read_text()))

    with prepared(postgres, template, prepare) as connection:
        yield connection, manifest


@pytest.fixture(scope="session")
def company(built: tuple[Connection, dict[str, Any]]) -> Connection:
    """The hand-made company, read only."""
    return built[0]


@pytest.fixture(scope="session")
def manifest(built: tuple[Connection, dict[str, Any]]) -> dict[str, Any]:
    """What dbt knows about the project."""
    return built[1]


@pytest.fixture
def rows(company: Connection) -> Read:
    """Reads a query of the hand-made company."""
    return lambda query: read(company, query)


@pytest.fixture(scope="session")
def crowd(postgres: str, template: str) -> Iterator[Connection]:
    """The random people after their night, read only."""

    def prepare(connection: Connection) -> None:
        land_the_crowd(connection)
        land_the_talk(connection)
        build(connection, NIGHT, "--exclude-resource-type", "unit_test")

    with prepared(postgres, template, prepare) as connection:
        yield connection


def staged(connection: Connection, entity: str, time: str) -> pd.DataFrame:
    """Staged rows with their customer and local day."""
    rows = read(
        connection,
        f"select * from intermediate.int_{entity}_unioned"
        " left join identity.members using (profile_id)",
    )
    rows[time] = pd.to_datetime(rows[time], utc=True)
    rows["day"] = rows[time].dt.tz_convert(ZONE).dt.date
    return rows

"""The hand-made company in a warehouse, built once for all tests that only look at it."""

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd
import psycopg
import pytest
from tests.conftest import point_to

from rapport.settings import Settings, load_settings
from rapport.transform import dbt

from .landed import NIGHT, know_everybody, land_the_company

Build = Callable[..., None]
Read = Callable[[str], pd.DataFrame]


def run_dbt(*args: str, as_of: datetime, settings: Settings | None = None) -> list[Any]:
    """One invocation; every result, after all of them succeeded."""
    outcome = dbt.invoke(list(args), settings or load_settings(), as_of)
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [
        f"{result.node.name}: {result.message}"
        for result in results
        if result.status in ("error", "fail", "runtime error")
    ]
    assert not failed, "\n".join(failed)
    assert outcome.success, outcome.exception
    return results


def build(connection: psycopg.Connection[Any], as_of: datetime = NIGHT, *args: str) -> list[Any]:
    """Staging, a simple identity, marts; with all tests, unit tests too."""
    results = run_dbt("build", "--select", "tag:staging", *args, as_of=as_of)
    know_everybody(connection)
    return results + run_dbt("build", "--select", "tag:marts", *args, as_of=as_of)


def read(connection: psycopg.Connection[Any], query: str) -> pd.DataFrame:
    """A query's rows."""
    cursor = connection.execute(query)  # type: ignore[arg-type]
    assert cursor.description is not None
    return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


@pytest.fixture(scope="session")
def company(postgres: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """The hand-made company after its night, read only."""
    from rapport.warehouse import connect

    name = f"company_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        with pytest.MonkeyPatch.context() as patch:
            point_to(patch, postgres, name)
            with connect(autocommit=True) as connection:
                land_the_company(connection)
                build(connection)
                yield connection
        admin.execute(f"drop database {name} with (force)")


@pytest.fixture
def rows(company: psycopg.Connection[Any]) -> Read:
    """Reads a query of the hand-made company."""
    return lambda query: read(company, query)

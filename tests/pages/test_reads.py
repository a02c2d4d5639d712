"""No page reads a table whole whose size is that of the customers: counted by the database."""

import importlib.util
from types import ModuleType
from typing import Any

import psycopg
import pytest
import yaml
from tests.conftest import ROOT

from rapport.pages.app import application
from rapport.pages.database import Warehouse

from .conftest import METRICS, SECRET, Client, by_header

PEOPLE = 20_000


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark, whose tables and whose count of rows are also those of this test."""
    spec = importlib.util.spec_from_file_location("bench_pages", ROOT / "benchmarks/bench_pages.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ids(warehouse: psycopg.Connection[Any], bench: ModuleType) -> list[str]:
    """Customers of a warehouse in which every other table is as large as they are."""
    for name in ("mart_metrics_latest", "mart_nps_daily"):
        content = yaml.safe_load((METRICS / f"{name}.yml").read_text(encoding="utf-8"))
        columns = content["models"][0]["columns"]
        typed = ", ".join(f"{column['name']} {column['data_type']}" for column in columns)
        warehouse.execute(f"create table marts.{name} ({typed})")
    warehouse.execute(
        "insert into marts.mart_metrics_latest (metric, as_of, value, n)"
        " values ('nps_90d', now(), 1, 1)"
    )
    warehouse.execute(
        "insert into segments.sizes (segment, as_of, run_id, members, entered, left_tonight)"
        " values ('payment_failed', now(), 'r', 1, 1, 0)"
    )
    warehouse.execute(
        "insert into ops.nights (run_id, as_of, status) values ('r', now(), 'succeeded')"
    )
    made: list[str] = bench.build(PEOPLE)
    return made


def test_no_page_reads_a_table_of_customers_whole(
    warehouse: psycopg.Connection[Any], bench: ModuleType, ids: list[str]
) -> None:
    one = ids[0]
    former, role_address = "c_" + "f" * 20, "info@example.com"
    warehouse.execute(
        "insert into identity.aliases values (%s, %s, now(), 'hubspot:contacts:1')", [former, one]
    )
    warehouse.execute(
        "with role as (insert into identity.identifiers (identifier_type, normal_form)"
        " values ('email', %s) returning identifier_key)"
        " insert into identity_build.int_identifiers_normalised"
        " select profile_key, null, role.identifier_key from role, identity.members"
        " where customer_id = %s",
        [role_address, one],
    )
    warehouse.execute("select pg_stat_force_next_flush()")
    bench.count_anew()
    desk = Warehouse()
    client = Client(application(by_header, lambda: SECRET, desk), "op")
    asked = 0
    pages = (
        f"/customers/{one}", f"/customers/{former}", f"/customers/{one}/identity",
        f"/customers/{one}/why/payment_failed", f"/api/v1/customers/{one}",
        "/segments", "/segments/open_ticket", "/api/v1/segments/payment_failed/members",
        "/runs", "/metrics", "/metrics/nps_90d",
    )  # fmt: skip
    for path in pages:
        answer = client.get(path)
        assert answer.status_code in (200, 307), (path, answer.text[-500:])
        asked += 1
    for who, status in (
        ("p7@example.com", 303), (role_address, 303), ("nobody@example.com", 200),
        ("hubspot:contacts:9", 303), (former, 303), ("+49 30 901820", 200), ("ab", 200),
        ("no such name", 200),
    ):  # fmt: skip
        assert client.post("/customers", data={"who": who}).status_code == status, who
        asked += 1
    desk.close()
    counted = _ended(warehouse, bench, asked)
    assert counted["marts.dim_customers"] > 0, "what was asked is not counted"
    assert max(counted.values()) <= bench.FEW, counted


def _ended(connection: psycopg.Connection[Any], bench: ModuleType, asked: int) -> dict[str, int]:
    """The rows read, once the connections of the pages have ended and told them."""
    for _ in range(1000):
        row = connection.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and application_name = 'rapport pages'"
        ).fetchone()
        if row == (0,):
            break
    found: dict[str, int] = bench.rows_read(asked)
    return found

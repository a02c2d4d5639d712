"""SIGKILL after any byte that a process sends to Postgres: run again, it is as if nothing was."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from rapport.landing.load_log import read_position
from rapport.warehouse import url

from .conftest import SEED, sample
from .proxy import Proxy
from .tally import kill

Warehouse = psycopg.Connection[Any]

LOAD = """
from datetime import UTC, datetime
import msgspec
from rapport import warehouse
from rapport.landing import batches
from rapport.landing.load import land
from rapport.vendors.source import Page, Stream
batches.BATCH_ROWS, batches.SLICE_ROWS = 60, 30
def record(n, night):
    return msgspec.json.encode({"id": n, "night": night if n % 3 == 0 else 1, "text": "x" * n,
        "updated_at": f"2026-03-{29 + night}T10:{n // 60:02d}:{n % 60:02d}Z"})
with warehouse.connect(autocommit=True) as connection:
    for night in (1, 2):
        pages = [Page([record(n, night) for n in range(start, start + 30)])
                 for start in range(0, 300, 30)]
        land(connection, "crm", Stream(name="people", cursor="updated_at"), pages, run_id="r",
             as_of=datetime(2026, 3, 29 + night, 23, tzinfo=UTC))
"""
ROWS = """
select md5(string_agg(concat_ws('|', record_key, payload, is_latest, is_deleted), ','
    order by record_key, is_latest, payload::text)), count(*)
from raw.crm__people where is_latest
"""

PUBLISH = """
from datetime import UTC, datetime
from rapport.transform.publish import Published, publish
publish(run_id="run-2", as_of=datetime(2026, 3, 31, 3, tzinfo=UTC), tables=(
    Published(("build", "orders"), "marts", "orders", ("order_id",)),
    Published(("build", "people"), "marts", "people", ("customer_id",)),
))
"""
MARTS = """
select
    (select md5(string_agg(t::text, '|' order by customer_id)) from marts.people as t),
    (select md5(string_agg(t::text, '|' order by order_id)) from marts.orders as t)
"""


def killed_after(code: str, offset: int) -> int:
    """Run it behind the proxy, which kills it once it has sent so many bytes."""
    process: list[subprocess.Popen[bytes]] = []
    with Proxy(url(), after=offset, then=lambda _: process[0].kill()) as proxy:
        environment = {**os.environ, "AIRFLOW_CONN_WAREHOUSE": proxy.url}
        process.append(subprocess.Popen([sys.executable, "-c", code], env=environment))
        return process[0].wait(120)


def sent_by(code: str) -> int:
    """How many bytes it sends when nobody stops it."""
    with Proxy(url()) as proxy:
        environment = {**os.environ, "AIRFLOW_CONN_WAREHOUSE": proxy.url}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
        return proxy.passed


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What a run without a fault leaves, and how many bytes it takes; filled by the first test."""
    return {}


def offset_of(number: int, total: int) -> int:
    """A byte of the run; the first 600 are the login."""
    return random.Random(f"{SEED} {number}").randrange(600, total - 10)


@pytest.mark.parametrize("number", sample(130, 4, "load"))
def test_a_load_killed_after_any_byte_ends_as_if_nothing_had_happened(
    warehouse: Warehouse,
    expected: dict[str, Any],
    record_property: Callable[[str, Any], None],
    number: int,
) -> None:
    def state() -> tuple[Any, ...]:
        rows = warehouse.execute(ROWS).fetchone()
        return rows, read_position(warehouse, "crm", "people")

    if "load" not in expected:
        expected["load"] = sent_by(LOAD)
        expected["rows"] = state()
        warehouse.execute("drop table raw.crm__people; delete from raw.watermarks")
    offset = offset_of(number, expected["load"])
    assert killed_after(LOAD, offset) == -signal.SIGKILL, f"byte {offset}"
    record_property(*kill("load, after any byte", f"byte {offset}"))
    subprocess.run([sys.executable, "-c", LOAD], check=True, timeout=120)
    assert state() == expected["rows"], f"byte {offset}"
    read = warehouse.execute("select bool_and(read = landed + unchanged + rejected) from raw.loads")
    assert read.fetchone() == (True,)


@pytest.mark.parametrize("number", sample(50, 2, "publish"))
def test_a_publication_killed_after_any_byte_is_last_night_or_tonight_never_both(
    warehouse: Warehouse,
    expected: dict[str, Any],
    record_property: Callable[[str, Any], None],
    number: int,
) -> None:
    warehouse.execute(
        "create table build.people as"
        " select 'c_' || n as customer_id, 'new ' || n as name from generate_series(1, 500) as n;"
        "create table build.orders as"
        " select n::text as order_id, n * 2 as amount from generate_series(1, 500) as n;"
        "create table marts.people (customer_id text primary key, name text);"
        "create table marts.orders (order_id text primary key, amount integer);"
        "insert into marts.people select 'c_' || n, 'old ' || n from generate_series(1, 400) as n;"
        "insert into marts.orders select n::text, n from generate_series(1, 600) as n;"
        "insert into ops.nights (run_id, as_of, status) values ('run-2', now(), 'failed')"
    )
    before = warehouse.execute(MARTS).fetchone()
    if "publish" not in expected:
        with warehouse.transaction(force_rollback=True):
            warehouse.execute(
                "truncate marts.people, marts.orders;"
                "insert into marts.people table build.people;"
                "insert into marts.orders table build.orders"
            )
            expected["marts"] = warehouse.execute(MARTS).fetchone()
        expected["publish"] = 9_000
    offset = offset_of(number, expected["publish"])
    if killed_after(PUBLISH, offset) == -signal.SIGKILL:
        record_property(*kill("publication, after any byte", f"byte {offset}"))
    between = warehouse.execute(MARTS).fetchone()
    assert between in (before, expected["marts"]), f"byte {offset}"
    subprocess.run([sys.executable, "-c", PUBLISH], check=True, timeout=120)
    assert warehouse.execute(MARTS).fetchone() == expected["marts"], f"byte {offset}"

"""Ten readers ask all the time while nights are published: no error, nothing half, no mixture.

The small form publishes two tables again and again; `make faults` also runs a whole night with
three days of changes.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from rapport.transform.publish import Published, publish
from rapport.warehouse import url

from ..runs.conftest import found

pytestmark = pytest.mark.slow

READERS = 10
NIGHTS = 6
START = datetime(2026, 3, 31, 3, tzinfo=UTC)
TABLES = (
    Published(("build", "orders"), "marts", "orders", ("order_id",)),
    Published(("build", "people"), "marts", "people", ("customer_id",)),
)
BUILD = """
drop table if exists build.people, build.orders;
create table build.people as
select 'c_' || n as customer_id, {night} as night from generate_series(1, {rows}) as n;
create table build.orders as
select n::text as order_id, {night} as night from generate_series(1, 2 * {rows}) as n
"""
Question = Callable[[psycopg.Connection[Any]], object]


@contextmanager
def readers(address: str, ask: Question) -> Iterator[list[object]]:
    """Readers that ask until the block ends; what they saw, errors too."""
    seen: list[object] = []
    ended = threading.Event()

    def read() -> None:
        with psycopg.connect(address) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not ended.is_set():
                try:
                    with connection.transaction():
                        seen.append(ask(connection))
                except psycopg.Error as error:
                    seen.append(error)

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def one_night(connection: psycopg.Connection[Any]) -> tuple[Any, ...]:
    """The nights that two tables and the list of publications show, each by a query of its own."""
    asked = (
        "select min(night), max(night), count(*) from marts.people",
        "select min(night), max(night), count(*) from marts.orders",
        "select max(run_id)::integer, max(run_id)::integer, count(*) from ops.publications",
    )
    return tuple(part for query in asked for part in connection.execute(query).fetchone() or ())


def test_ten_readers_see_one_night_in_every_table(warehouse: psycopg.Connection[Any]) -> None:
    def night(number: int) -> None:
        warehouse.execute(BUILD.format(night=number, rows=1000 + number))
        warehouse.execute(
            "insert into ops.nights (run_id, as_of, status) values (%s, %s, 'succeeded')",
            (str(number), START + timedelta(days=number)),
        )
        publish(run_id=str(number), as_of=START + timedelta(days=number), tables=TABLES)

    night(1)
    with readers(url(), one_night) as seen:
        for number in range(2, 2 + NIGHTS):
            before = len(seen)
            night(number)
            while len(seen) < before + READERS:
                threading.Event().wait(0.01)
    rows = [(n, n, 1000 + n, n, n, 2 * (1000 + n), n, n, n) for n in range(1, 2 + NIGHTS)]
    assert [one for one in seen if one not in rows] == []
    assert len(set(seen)) > NIGHTS / 2, "they have to see more than one night"


def as_published(connection: psycopg.Connection[Any]) -> object:
    """Tables whose rows are not as many as the newest publication says, and its run."""
    newest = connection.execute(
        "select run_id, as_of from ops.publications order by published_at desc limit 1"
    ).fetchone()
    assert newest is not None
    tables = connection.execute(
        "select table_name, rows from ops.published_tables where run_id = %s", (newest[0],)
    ).fetchall()
    wrong = []
    for name, rows in tables:
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(*name.split(".")))
        counted = connection.execute(query).fetchone()
        if counted != (rows,):
            wrong.append((name, rows, counted))
    status = connection.execute("select max(last_good_as_of) from marts.data_status").fetchone()
    assert status is not None
    is_later = status[0] is not None and status[0] > newest[1]
    return newest[0], len(tables) > 30, is_later, tuple(wrong)


@pytest.mark.skipif(os.environ.get("RAPPORT_FAULTS") != "all", reason="make faults: a whole night")
def test_three_days_in_one_night_end_well_and_no_reader_is_disturbed(tmp_path: Path) -> None:
    company = found(tmp_path)
    try:
        first = company.night()
        assert first["status"] == "succeeded"
        for _ in range(3):
            company.next_night()
        with readers(company.rapport("db", "url").stdout.strip(), as_published) as seen:
            night = company.night()
        assert night["status"] == "succeeded"
        landed = sum(s["landed"] for one in night["sources"].values() for s in one.values())
        assert landed > 0
        runs = [first["run_id"], night["run_id"]]
        assert set(seen) <= {(run, True, False, ()) for run in runs}
        assert {one[0] for one in seen if isinstance(one, tuple)} == set(runs)
    finally:
        company.close()

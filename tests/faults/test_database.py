"""What Postgres may do to us: end a session, hold a lock, run out of space, never answer."""

import importlib
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from rapport import faults
from rapport.errors import RetryLater
from rapport.landing import batches, load
from rapport.landing.load_log import LoadResult, read_position
from rapport.transform.publish import Published, publish
from rapport.vendors.source import Page, Stream
from rapport.warehouse import connect, data_folder, url

from .proxy import Proxy

Warehouse = psycopg.Connection[Any]
PRLIMIT = "/usr/bin/prlimit"
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
PEOPLE = Stream(name="people", cursor="updated_at")
TABLE = Published(("build", "people"), "marts", "people", ("customer_id",))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 40)
    monkeypatch.setattr(batches, "SLICE_ROWS", 20)


def record(number: int, size: int = 10) -> bytes:
    updated = f"2026-03-30T10:{number // 60 % 60:02d}:{number % 60:02d}Z"
    return msgspec.json.encode({"id": number, "updated_at": updated, "text": "x" * size})


def pages(total: int = 200) -> Iterator[Page]:
    for start in range(0, total, 20):
        yield Page([record(number) for number in range(start, start + 20)])


def land(connection: Warehouse, *, total: int = 200) -> LoadResult:
    return load.land(connection, "crm", PEOPLE, pages(total), run_id="r", as_of=AS_OF)


def rows(warehouse: Warehouse) -> tuple[int, int]:
    found = warehouse.execute(
        "select count(*), count(distinct record_key) from raw.crm__people"
    ).fetchone()
    assert found is not None
    return found[0], found[1]


@pytest.mark.parametrize("passage", [1, 3])
def test_a_session_that_is_ended_in_the_middle_of_a_load_costs_only_the_open_batch(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, passage: int
) -> None:
    seen = 0
    with connect(autocommit=True) as connection:

        def end(name: str) -> None:
            nonlocal seen
            seen += name == "landing.copied"
            if seen == passage and name == "landing.copied":
                warehouse.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))

        monkeypatch.setattr(faults, "point", end)
        with pytest.raises(psycopg.OperationalError):
            land(connection)
    monkeypatch.setattr(faults, "point", lambda name: None)
    assert rows(warehouse) == ((passage - 1) * 40, (passage - 1) * 40)
    assert read_position(warehouse, "crm", "people") is None
    assert land(warehouse).read == 200
    assert rows(warehouse) == (200, 200)


def test_rows_books_and_watermark_are_one_transaction(warehouse: Warehouse) -> None:
    warehouse.execute(
        "create function pg_temp.no() returns trigger language plpgsql as"
        " $$ begin raise exception 'disk on fire'; end $$;"
        "create trigger no before insert or update on raw.watermarks"
        " for each row execute function pg_temp.no()"
    )
    ordered = Stream(name="people", cursor="updated_at", ordered=True)
    with pytest.raises(psycopg.errors.RaiseException):
        load.land(warehouse, "crm", ordered, pages(), run_id="r", as_of=AS_OF)
    assert rows(warehouse) == (0, 0)
    assert warehouse.execute("select sum(landed) from raw.loads").fetchone() == (0,)
    warehouse.execute("drop trigger no on raw.watermarks")
    load.land(warehouse, "crm", ordered, pages(), run_id="r", as_of=AS_OF)
    assert rows(warehouse) == (200, 200)


@pytest.mark.parametrize("after", [9_000, 14_000, 21_000])
@pytest.mark.parametrize("then", [Proxy.reset, Proxy.swallow], ids=["reset", "answer-lost"])
def test_a_line_that_breaks_anywhere_even_after_the_commit_is_no_reason_to_append_blindly(
    warehouse: Warehouse, after: int, then: Any
) -> None:
    with (
        Proxy(url(), after=after, then=then) as proxy,
        pytest.raises(psycopg.OperationalError),
        psycopg.connect(proxy.url, autocommit=True) as connection,
    ):
        land(connection)
    warehouse.execute("update raw.writers set heartbeat_at = now() - interval '1 hour'")
    assert land(warehouse).read == 200
    assert rows(warehouse) == (200, 200)
    assert read_position(warehouse, "crm", "people") is not None


def limit_files(pid: int, size: int) -> None:
    """No file of that process may grow beyond the size; asked as the user whom it runs as."""
    account = data_folder.find().account
    command = [PRLIMIT, f"--pid={pid}", f"--fsize={size}:"]
    subprocess.run(command, check=True, cwd="/", **data_folder.identity(account))


@pytest.mark.skipif(not Path(PRLIMIT).exists(), reason="prlimit is a program of Linux")
def test_a_full_disk_is_said_and_the_load_completes_once_there_is_space(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2_000)
    monkeypatch.setattr(batches, "SLICE_ROWS", 1_000)

    def large() -> Iterator[Page]:
        for start in range(0, 26_000, 1_000):
            yield Page([record(number, 1_000) for number in range(start, start + 1_000)])

    limit = 18 * 1024 * 1024  # more than a segment of the write-ahead log, which is laid out ahead
    with connect(autocommit=True) as connection:
        limit_files(connection.info.backend_pid, limit)
        with pytest.raises(psycopg.Error, match=r"could not extend|too large|space"):
            load.land(connection, "crm", PEOPLE, large(), run_id="r", as_of=AS_OF)
    kept = rows(warehouse)[0]
    assert 0 < kept < 26_000
    assert warehouse.execute("select count(*) from raw.rejected_records").fetchone() == (0,)
    assert load.land(warehouse, "crm", PEOPLE, large(), run_id="r", as_of=AS_OF).read == 26_000
    assert rows(warehouse) == (26_000, 26_000)


@pytest.fixture
def built(warehouse: Warehouse) -> Warehouse:
    warehouse.execute(
        "create table build.people as select 'c_1' as customer_id, 'old' as name;"
        "insert into ops.nights (run_id, as_of, status) values"
        " ('one', now(), 'succeeded'), ('two', now(), 'succeeded')"
    )
    publish(run_id="one", as_of=AS_OF, tables=(TABLE,))
    warehouse.execute("update build.people set name = 'new'")
    return warehouse


def test_a_reader_that_never_ends_delays_a_publication_and_no_other_reader(
    built: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication = importlib.import_module("rapport.transform.publish")
    monkeypatch.setattr(publication, "LOCK_TIMEOUT", "100ms")
    # A change of type makes the table anew, which has to wait for every reader.
    built.execute("alter table build.people alter column name type varchar(9)")
    with connect() as reader:
        reader.execute("select * from marts.people")
        with pytest.raises(RetryLater, match="a reader holds a published table"):
            publish(run_id="two", as_of=AS_OF, tables=(TABLE,))
        with connect() as other:
            other.execute("set statement_timeout = '2s'")
            assert other.execute("select name from marts.people").fetchone() == ("old",)
    publish(run_id="two", as_of=AS_OF, tables=(TABLE,))
    assert built.execute("select name from marts.people").fetchone() == ("new",)


def test_a_deadlock_is_tried_again(built: Warehouse) -> None:
    built.execute(
        "create table build.orders as select '1' as order_id;"
        "create table marts.orders (order_id text primary key)"
    )
    orders = Published(("build", "orders"), "marts", "orders", ("order_id",))
    held, wanted = threading.Event(), threading.Event()

    def oppose() -> None:
        with connect() as other:
            other.execute("lock table marts.orders in access exclusive mode")
            held.set()
            wanted.wait(10)
            try:
                other.execute("lock table marts.people in access exclusive mode")
            except psycopg.errors.DeadlockDetected:
                other.rollback()

    opponent = threading.Thread(target=oppose)
    opponent.start()
    held.wait(10)
    original = faults.point
    try:
        faults.point = lambda name: wanted.set()  # type: ignore[assignment]
        publish(run_id="two", as_of=AS_OF, tables=(TABLE, orders))
    finally:
        faults.point = original
        wanted.set()
        opponent.join(20)
    assert built.execute("select name from marts.people").fetchone() == ("new",)
    assert built.execute("select count(*) from marts.orders").fetchone() == (1,)

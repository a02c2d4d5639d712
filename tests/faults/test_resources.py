"""Memory, value sizes and the disk below: what a load does when one of them gives out."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from rapport.landing import batches, load
from rapport.landing.load_log import LoadResult
from rapport.vendors.source import Page, Stream
from rapport.warehouse import embedded

pytestmark = pytest.mark.slow

Warehouse = psycopg.Connection[Any]
LONG = os.environ.get("RAPPORT_FAULTS") == "all"
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
STRACE = shutil.which("strace")
MEBI = 1024 * 1024

# Lands so many records of 1 kB under a limit of address space above what it has after imports.
LOAD = """
import resource, sys
from datetime import UTC, datetime
import msgspec
from rapport import warehouse
from rapport.landing import batches, load
from rapport.vendors.source import Page, Stream
total, limit, batch = map(int, sys.argv[1:])
batches.BATCH_BYTES = batch
if batch > 1 << 30:
    batches.BATCH_ROWS = batch
def pages():
    for start in range(0, total, 500):
        yield Page([msgspec.json.encode({"id": n, "text": f"{n:08}" * 125})
                    for n in range(start, start + 500)])
with warehouse.connect(autocommit=True) as connection:
    if limit:
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + limit, used + limit))
    load.land(connection, "crm", Stream(name="people"), pages(), run_id="r",
              as_of=datetime(2026, 3, 31, 3, tzinfo=UTC))
spent = resource.getrusage(resource.RUSAGE_SELF)
print(spent.ru_maxrss * 1024, spent.ru_utime + spent.ru_stime)
"""
STATE = """
select count(*), count(distinct record_key),
    md5(string_agg(payload_hash::text, ',' order by record_key)) from raw.crm__people
"""


def run(total: int, limit: int = 0, batch: int = batches.BATCH_BYTES) -> Any:
    return subprocess.run(
        [sys.executable, "-c", LOAD, str(total), str(limit), str(batch)],
        env={**os.environ, "MALLOC_ARENA_MAX": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is one of Linux")
def test_a_load_out_of_memory_fails_and_one_in_batches_stays_within_the_limit(
    warehouse: Warehouse,
) -> None:
    total = 600_000 if LONG else 150_000
    whole = run(total, 180 * MEBI, batch=1 << 40)
    assert whole.returncode != 0
    assert "MemoryError" in whole.stderr
    assert warehouse.execute(STATE).fetchone() == (0, 0, None)
    done = run(total, 180 * MEBI)
    assert done.returncode == 0, done.stderr
    after = warehouse.execute(STATE).fetchone()
    assert after is not None and after[:2] == (total, total)
    again = run(total, 180 * MEBI)
    assert again.returncode == 0, again.stderr
    assert warehouse.execute(STATE).fetchone() == after


def test_ten_times_the_records_take_ten_times_the_work_and_no_more_memory(
    warehouse: Warehouse,
) -> None:
    few, many = (6_000, 60_000)
    spent = []
    for total in (few, many):
        memory, seconds = map(float, run(total).stdout.split())
        spent.append((memory, seconds))
        warehouse.execute("drop table raw.crm__people; delete from raw.watermarks")
    start = float(run(0).stdout.split()[1])
    assert spent[1][0] - spent[0][0] < 48 * MEBI
    assert spent[1][1] - start < 12 * max(spent[0][1] - start, 0.1)


def land(connection: Warehouse, records: Iterator[bytes] | list[bytes]) -> LoadResult:
    pages = [Page(list(records))]
    return load.land(connection, "crm", Stream(name="people"), pages, run_id="r", as_of=AS_OF)


def test_a_record_that_is_too_large_is_set_aside_and_its_neighbours_land(
    warehouse: Warehouse,
) -> None:
    large = b'{"id": 1, "text": "%s"}' % (b"x" * (64 * MEBI))
    result = land(warehouse, [b'{"id": 0}', large, b'{"id": 2}'])
    assert (result.landed, result.rejected) == (2, 1)
    said = warehouse.execute("select reason from raw.rejected_records").fetchall()
    assert said == [(f"record of {len(large)} bytes is too large",)]


@pytest.mark.skipif(not LONG, reason="make faults: takes a gigabyte of the server's memory")
def test_a_record_that_only_jsonb_finds_too_large_is_set_aside_too(warehouse: Warehouse) -> None:
    """Short as text: each 1 takes two bytes there, and some twelve in jsonb."""
    large = b'{"id": 1, "numbers": [%s1]}' % (b"1," * (31 * MEBI))
    result = land(warehouse, [b'{"id": 0}', large, b'{"id": 2}'])
    assert (result.landed, result.rejected) == (2, 1)
    (said,) = warehouse.execute("select reason from raw.rejected_records").fetchall()
    limit_or_allocation = {f"not storable as jsonb ({state})" for state in ("54000", "XX000")}
    assert said[0] in limit_or_allocation


class Crash(Exception):
    """The process is gone."""


def test_aborted_loads_leave_no_bloat(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(number: int) -> bytes:
        return msgspec.json.encode({"id": number, "text": f"{number:08}" * 100})

    def point(name: str) -> None:
        if name == "landing.before_commit":
            raise Crash

    size = "select pg_relation_size('raw.crm__people')"
    land(warehouse, [record(number) for number in range(4_000)])
    fresh = warehouse.execute(size).fetchone()
    assert fresh is not None
    warehouse.execute("drop table raw.crm__people")
    with monkeypatch.context() as patch:
        patch.setattr("rapport.faults.point", point)
        for number in range(200):
            with pytest.raises(Crash):
                land(warehouse, [record(one) for one in range(number * 20, number * 20 + 20)])
    assert warehouse.execute("select count(*) from raw.crm__people").fetchone() == (0,)
    bloated = warehouse.execute(size).fetchone()
    assert bloated is not None and bloated[0] > fresh[0] / 2, "the aborted rows are on disk"
    warehouse.execute("vacuum raw.crm__people")
    land(warehouse, [record(number) for number in range(4_000)])
    after = warehouse.execute(size).fetchone()
    assert after is not None and after[0] <= 1.2 * fresh[0]


@pytest.fixture
def own_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of this test's own: it is going to panic."""
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE", raising=False)
    tmp_path.chmod(0o711)
    yield embedded.url()
    embedded.remove()


def recovered() -> psycopg.Connection[Any]:
    """A connection, once the server has read its log after the panic."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return psycopg.connect(embedded.url(), autocommit=True)
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.mark.skipif(STRACE is None, reason="needs strace, to let fsync fail")
def test_a_write_that_never_reached_the_disk_is_no_success(own_server: str) -> None:
    from rapport.warehouse import connect, migrate

    migrate()
    with connect(autocommit=True) as connection:
        land(connection, [b'{"id": %d}' % number for number in range(100)])
        backend = connection.info.backend_pid
        command = [str(STRACE), "-f", "-p", str(backend), "-e", "trace=fdatasync,fsync"]
        inject = ["-e", "inject=fdatasync,fsync:error=EIO", "-o", os.devnull]
        with subprocess.Popen([*command, *inject], stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            if "attached" not in tracer.stderr.readline():
                pytest.skip("this machine does not let strace attach")
            with pytest.raises(psycopg.Error):
                land(connection, [b'{"id": %d}' % number for number in range(100, 200)])
            tracer.terminate()
    with recovered() as fresh:
        log = embedded.places.find().log.read_text()
        assert re.search(r"PANIC: +could not f(data)?sync", log), log[-1000:]
        counted = fresh.execute(
            "select (select count(*) from raw.crm__people), (select sum(landed) from raw.loads)"
        ).fetchone()
        assert counted == (100, 100), "no row and no success of what was not written"
        fresh.execute("update raw.writers set heartbeat_at = now() - interval '1 hour'")
        assert land(fresh, [b'{"id": %d}' % number for number in range(200)]).landed == 100
        assert fresh.execute("select count(*) from raw.crm__people").fetchone() == (200,)

"""Signals to a process that loads: it ends in time and rolls back, or is overtaken."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from rapport.warehouse import locks

Warehouse = psycopg.Connection[Any]

# Lands a page, says so, and waits for somebody to act on it; then goes on.
LOAD = """
import sys
from datetime import UTC, datetime, timedelta
import msgspec
from rapport import warehouse
from rapport.landing import batches, load, stream_writer as writer
from rapport.vendors.source import Page, Stream
batches.BATCH_ROWS, batches.SLICE_ROWS = 20, 10
writer.LEASE = timedelta(seconds=float(sys.argv[2]))
writer.Writer.__init__.__defaults__ = (writer.LEASE,)
def pages():
    for start in range(0, 100, 20):
        yield Page([msgspec.json.encode({"id": n}) for n in range(start, start + 20)])
        if start == 60 and sys.argv[1] == "wait":
            print("landed", flush=True)
            sys.stdin.read(1)
with warehouse.connect(autocommit=True) as connection:
    result = load.land(connection, "crm", Stream(name="people"), pages(), run_id="r",
                       as_of=datetime(2026, 3, 31, 3, tzinfo=UTC))
    print(result.read, result.landed)
"""


def start(mode: str, lease: float = 900) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, mode, str(lease)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def loading() -> Any:
    """A load that has begun and waits."""
    begun: list[subprocess.Popen[str]] = []

    def begin(lease: float = 900) -> subprocess.Popen[str]:
        process = start("wait", lease)
        begun.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "landed\n", process.stderr and process.stderr.read()
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def rows(warehouse: Warehouse) -> int:
    found = warehouse.execute("select count(*) from raw.crm__people").fetchone()
    assert found is not None
    return int(found[0])


def test_a_load_that_is_told_to_end_does_so_at_once_and_the_next_completes_it(
    warehouse: Warehouse, loading: Callable[..., subprocess.Popen[str]]
) -> None:
    process = loading()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) != 0
    assert time.monotonic() - began < 10
    assert rows(warehouse) % 20 == 0
    # Its backend notices the closed line a moment later.
    while locks.holders(warehouse, "landing/crm/people"):
        assert time.monotonic() - began < 30
    done = subprocess.run([sys.executable, "-c", LOAD, "go", "900"], check=True)
    assert done.returncode == 0
    assert rows(warehouse) == 100


def test_two_processes_with_the_same_stream_are_one_load(
    warehouse: Warehouse, loading: Callable[..., subprocess.Popen[str]]
) -> None:
    first = loading()
    second = start("go")
    _, said = second.communicate(timeout=60)
    assert second.returncode != 0
    assert "AlreadyRunning" in said
    out, _ = first.communicate("x", timeout=60)
    assert out == "100 100\n"
    assert rows(warehouse) == 100


def test_a_frozen_process_that_wakes_after_its_retry_commits_nothing(
    warehouse: Warehouse, loading: Callable[..., subprocess.Popen[str]]
) -> None:
    frozen = loading()
    frozen.send_signal(signal.SIGSTOP)
    # It may be frozen inside of a transaction; to a lease of no time it is late in any case.
    retry = subprocess.run(
        [sys.executable, "-c", LOAD, "go", "0"], capture_output=True, text=True, timeout=60
    )
    assert retry.returncode == 0, retry.stderr
    before = warehouse.execute("select md5(string_agg(t::text, ',' order by record_key))"
                               " from raw.crm__people as t").fetchone()  # fmt: skip
    frozen.send_signal(signal.SIGCONT)
    frozen.communicate("x", timeout=60)
    assert frozen.returncode != 0
    after = warehouse.execute("select md5(string_agg(t::text, ',' order by record_key))"
                              " from raw.crm__people as t").fetchone()  # fmt: skip
    assert (after, rows(warehouse)) == (before, 100)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Caracas"])
@pytest.mark.parametrize("seed", ["0", "4711"])
def test_neither_the_zone_of_the_host_nor_the_order_of_sets_changes_what_lands(
    warehouse: Warehouse, zone: str, seed: str
) -> None:
    environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed}
    subprocess.run([sys.executable, "-c", LOAD, "go", "900"], env=environment, check=True)
    found = warehouse.execute(
        "select md5(string_agg(concat_ws('|', record_key, payload, as_of), ',' order by"
        " record_key)), min(as_of) = '2026-03-31T03:00:00Z' from raw.crm__people"
    ).fetchone()
    assert found == ("4eda6b19ac0a59ba52a4fc4c9d2600ad", True)

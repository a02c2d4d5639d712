import os
import signal
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.errors import AlreadyRunning, GiveUp, StaleWriter
from rapport.landing import batches
from rapport.landing.load import land
from rapport.landing.load_log import read_position
from rapport.landing.stream_writer import Writer
from rapport.vendors.source import Page, Rejected, Stream
from rapport.warehouse import url

from ..faults.tally import kill
from .conftest import NIGHT, PEOPLE, Landing, person

VERSIONS = """
    select record_key, payload ->> 'name', is_latest, is_deleted
    from raw.crm__people order by record_key, as_of, is_latest
"""


def test_a_record_lands_once_however_often_it_is_read(landing: Landing) -> None:
    first = landing([person(1), person(2)])
    second = landing([person(1), person(2)], [person(1)])
    assert (first.read, first.landed, first.unchanged) == (2, 2, 0)
    assert (second.read, second.landed, second.unchanged) == (3, 0, 3)


def test_a_changed_record_lands_as_a_new_version_and_the_old_one_stays(landing: Landing) -> None:
    landing([person(1, name="Ann")])
    landing.next_night()
    result = landing([person(1, name="Anna")])
    assert result.landed == 1
    assert landing.all(VERSIONS) == [("1", "Ann", False, False), ("1", "Anna", True, False)]
    assert landing.all("select distinct first_as_of from raw.crm__people") == [(NIGHT,)]


def test_a_record_that_changes_back_is_the_latest_again(landing: Landing) -> None:
    for name in ("Ann", "Anna", "Ann"):
        landing([person(1, name=name)])
        landing.next_night()
    assert [row[1:3] for row in landing.all(VERSIONS)] == [
        ("Ann", False), ("Anna", False), ("Ann", True),
    ]  # fmt: skip


def test_the_same_record_written_in_another_order_is_not_a_new_version(landing: Landing) -> None:
    landing([b'{"id": 1, "name": "Ann"}'])
    assert landing([b'{"name": "Ann", "id": 1}']).landed == 0


def test_two_versions_in_one_page_land_in_their_order(landing: Landing) -> None:
    result = landing([person(1, name="a"), person(2), person(1, name="b"), person(1, name="a")])
    assert (result.read, result.landed) == (4, 4)
    assert landing.all(
        "select payload ->> 'name' from raw.crm__people where record_key = '1' and is_latest"
    ) == [("a",)]


def test_read_is_landed_and_unchanged_and_rejected(landing: Landing) -> None:
    landing([person(1)])
    result = landing([person(1), person(2), {"name": "no key"}, b"{broken", b'"text"'])
    assert (result.read, result.landed, result.unchanged, result.rejected) == (5, 1, 1, 3)
    assert {row[0] for row in landing.all("select original from raw.rejected_records")} == {
        b'{"name":"no key"}', b"{broken", b'"text"',
    }  # fmt: skip


def test_a_record_whose_key_cannot_land_is_rejected_with_its_place(landing: Landing) -> None:
    records = [msgspec.json.encode(person(1) | {"id": id}) for id in (1, "x" * 2000, 3)]
    page = Page(records, where=lambda at: f"people.csv line {at + 2}")
    result = land(landing.connection, "crm", PEOPLE, [page], run_id="r", as_of=NIGHT)
    assert (result.landed, result.rejected) == (2, 1)
    assert landing.all("select reason from raw.rejected_records") == [
        ("people.csv line 3: key of 2000 bytes is longer than 1024",)
    ]


def test_keys_that_a_page_knows_are_those_that_land(landing: Landing) -> None:
    records = [msgspec.json.encode({"id": number}) for number in (1, 2)]
    page = Page(records, keys=["1", "2"])
    stream = Stream(name="people", key=("id",))
    for landed in (2, 0):
        result = land(landing.connection, "crm", stream, [page], run_id="r", as_of=NIGHT)
        assert (result.read, result.landed) == (2, landed)
    assert landing.all("select record_key from raw.crm__people order by 1") == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("record", "stored"),
    [
        (b'{"id": 1, "name": "a\\u0000b"}', "a\N{REPLACEMENT CHARACTER}b"),
        (b'{"id": 1, "name": "\\ud800x"}', "\N{REPLACEMENT CHARACTER}x"),
        (
            b'{"id": 1, "name": "\\udc00\\ud83d\\ude00"}',
            "\N{REPLACEMENT CHARACTER}\N{GRINNING FACE}",
        ),
        (b'{"id": 1, "name": "a\xffb"}', "a\N{REPLACEMENT CHARACTER}b"),
        (b'{"id": 1, "name": "\\\\u0000"}', "\\u0000"),
    ],
)
def test_what_postgres_cannot_store_is_replaced_and_the_original_kept(
    landing: Landing, record: bytes, stored: str
) -> None:
    result = landing([record, person(2)])
    assert (result.landed, result.rejected) == (2, 0)
    names = landing.all("select payload ->> 'name' from raw.crm__people where record_key = '1'")
    assert names == [(stored,)]
    kept = landing.all("select outcome, original from raw.rejected_records")
    assert kept == ([("repaired", record)] if "\N{REPLACEMENT CHARACTER}" in stored else [])


@pytest.mark.parametrize(
    "value",
    [
        b"9007199254740993",
        b"123456789012345678901234567890123456789012345",
        b"0.1000000000000000055511151231257827",
        b"1e131071",
    ],
)
def test_numbers_are_kept_to_the_last_digit(landing: Landing, value: bytes) -> None:
    landing([b'{"id": 1, "n": ' + value + b"}"])
    equal = landing.all(
        f"select (payload ->> 'n')::numeric = {value.decode()} from raw.crm__people"
    )
    assert equal == [(True,)]


@pytest.mark.parametrize(
    "record",
    [
        b'{"id": 1, "n": NaN}',
        b'{"id": 1, "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"id": 1, "n": 1e400000}',
        b'{"id": "' + b"k" * 5_000 + b'"}',
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": "a\\u0000"}',
    ],
)
def test_what_cannot_be_stored_is_rejected_and_its_neighbours_land(
    landing: Landing, record: bytes
) -> None:
    result = landing([person(7), record, person(8)])
    assert (result.read, result.landed, result.rejected) == (3, 2, 1)
    assert landing.all("select original from raw.rejected_records") == [(record,)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=("Cs",))))
def test_every_text_comes_back_as_it_was(landing: Landing, text: str) -> None:
    landing([{"id": 1, "name": text}])
    latest = landing.all("select payload ->> 'name' from raw.crm__people where is_latest")
    assert latest == [(text,)]


def test_the_watermark_is_the_highest_cursor_and_only_moves_up(landing: Landing) -> None:
    landing([person(30), person(20)])
    position = read_position(landing.connection, "crm", "people")
    assert position == {"cursor": "2026-03-30T10:00:30+00:00"}
    landing([person(5)])
    assert read_position(landing.connection, "crm", "people") == position


def test_a_record_from_the_far_future_does_not_carry_the_watermark_away(landing: Landing) -> None:
    result = landing([{"id": 1, "updated_at": "2099-01-01T00:00:00Z"}])
    assert result.landed == 1
    assert result.warning
    position = read_position(landing.connection, "crm", "people")
    assert position == {"cursor": NIGHT.isoformat()}


def test_what_changes_after_the_night_is_not_below_its_watermark(landing: Landing) -> None:
    landing([{"id": 1, "updated_at": (NIGHT + timedelta(hours=20)).isoformat()}])
    since = PEOPLE.since(read_position(landing.connection, "crm", "people"))
    assert isinstance(since, datetime)
    assert since <= NIGHT


def test_what_came_before_an_error_lands_with_its_position(landing: Landing) -> None:
    def pages() -> Any:
        yield Page([b'{"id": 1}'], position={"files": ["good.csv"]})
        raise GiveUp("bad.csv is cut off")

    with pytest.raises(GiveUp):
        land(landing.connection, "crm", Stream(name="people"), pages(), run_id="r", as_of=NIGHT)
    assert len(landing.all(VERSIONS)) == 1
    assert read_position(landing.connection, "crm", "people") == {"files": ["good.csv"]}


def test_broken_records_are_kept_in_memory_no_longer_than_good_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 100)
    broken = Rejected(b"x" * 60, "broken")
    pages = [Page([b'{"no": "%s"}' % (b"x" * 60)], rejected=[broken]) for _ in range(10)]
    found = list(batches.batches(PEOPLE, pages))
    assert max(len(batch.rejected) for batch in found) <= 3
    assert sum(len(batch.rejected) for batch in found) == 20


def test_a_server_in_trouble_is_no_fault_of_the_record(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = psycopg.Connection.execute

    def full(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        if query == "select %s::text::jsonb":
            raise psycopg.errors.DiskFull
        return ask(self, query, *arguments, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", full)
    with pytest.raises(psycopg.errors.DiskFull):
        landing([person(1), b'{"id": 2, "size": 1e999999}'])
    assert landing.all("select * from raw.rejected_records") == []


def test_a_load_that_fails_half_way_keeps_its_pages_and_not_the_watermark(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 2)

    def pages() -> Any:
        yield Page([b'{"id": 1, "updated_at": "2026-03-30T10:00:00Z"}'])
        yield Page([b'{"id": 2, "updated_at": "2026-03-30T10:00:01Z"}'] * 1)
        yield Page([b'{"id": 3, "updated_at": "2026-03-30T10:00:02Z"}'])
        raise ConnectionError

    with pytest.raises(ConnectionError):
        land(landing.connection, "crm", PEOPLE, pages(), run_id="r", as_of=NIGHT)
    assert read_position(landing.connection, "crm", "people") is None
    assert len(landing.all(VERSIONS)) == 3
    result = landing([person(number) for number in (1, 2, 3)])
    assert len({row[0] for row in landing.all(VERSIONS)}) == 3
    assert result.rejected == 0


def test_a_second_load_of_the_same_stream_is_refused_while_one_runs(landing: Landing) -> None:
    with (
        psycopg.connect(url(), autocommit=True) as other,
        Writer(other, "crm", "people"),
        pytest.raises(AlreadyRunning, match="another process"),
    ):
        landing([person(1)])
    assert landing([person(1)]).landed == 1


def test_a_frozen_writer_is_overtaken_and_commits_nothing(landing: Landing) -> None:
    with psycopg.connect(url(), autocommit=True) as frozen:
        writer = Writer(frozen, "crm", "people")
        writer.__enter__()
        landing.connection.execute(
            "update raw.writers set heartbeat_at = heartbeat_at - interval '1 hour'"
        )
        assert landing([person(1)]).landed == 1
        with pytest.raises(psycopg.OperationalError):
            writer.check()
    with psycopg.connect(url(), autocommit=True) as late:
        writer.connection = late
        with pytest.raises(StaleWriter):
            writer.check()


def test_what_the_vendor_no_longer_lists_becomes_a_tombstone_and_can_come_back(
    landing: Landing,
) -> None:
    swept = Stream(name="people", key=("id",), sweep=True)
    landing([person(number) for number in range(10)], stream=swept)
    result = landing(
        [], stream=swept, live_keys=lambda: iter([[str(number) for number in range(1, 10)]])
    )
    assert result.deleted == 1
    assert landing.all("select record_key from raw.crm__people where is_latest and is_deleted") == [
        ("0",)
    ]
    assert landing([person(0)], stream=swept).landed == 1
    assert not landing.all("select 1 from raw.crm__people where is_latest and is_deleted")


def test_a_vendor_that_suddenly_lists_almost_nothing_is_not_believed(landing: Landing) -> None:
    swept = Stream(name="people", key=("id",), sweep=True)
    landing([person(number) for number in range(100)], stream=swept)
    result = landing([], stream=swept, live_keys=lambda: iter([["1", "2"]]))
    assert result.deleted == 0
    assert result.warning
    assert len(landing.all("select 1 from raw.crm__people where is_latest")) == 100


def test_no_transaction_is_open_while_the_vendor_lists_its_keys(landing: Landing) -> None:
    swept = Stream(name="people", key=("id",), sweep=True)
    landing([person(number) for number in range(100)], stream=swept)
    seen = []

    def live_keys() -> Any:
        for number in range(99):
            seen.append(landing.connection.info.transaction_status)
            yield [str(number)]

    assert landing([], stream=swept, live_keys=live_keys).deleted == 1
    assert set(seen) == {psycopg.pq.TransactionStatus.IDLE}


KILLED = """
import sys
import threading
from datetime import UTC, datetime
import msgspec
from rapport import warehouse
from rapport.landing import batches
from rapport.landing.load import land
from rapport.vendors.source import Page, Stream
batches.BATCH_ROWS, batches.SLICE_ROWS = 40, 20
pages = [
    Page([msgspec.json.encode({"id": n, "updated_at": f"2026-03-30T10:{n // 60:02d}:{n % 60:02d}Z"})
          for n in range(start, start + 20)])
    for start in range(0, 200, 20)
]
with warehouse.connect(autocommit=True) as connection:
    land(connection, "crm", Stream(name="people", cursor="updated_at"), pages, run_id="r",
         as_of=datetime(2026, 3, 31, 3, tzinfo=UTC))
"""
HASH = """
    select md5(string_agg(concat_ws('|', record_key, payload, is_latest, as_of, first_as_of), ','
        order by record_key, is_latest)) from raw.crm__people
"""


@pytest.mark.parametrize(
    "fault",
    ["landing.copied:1", "landing.copied:3", "landing.before_commit:2", "landing.committed:1",
     "landing.committed:4"],
)  # fmt: skip
def test_a_load_killed_anywhere_and_run_again_is_as_if_nothing_had_happened(
    landing: Landing,
    fault: str,
    record_property: Any,
) -> None:
    def run(**environment: str) -> int:
        return subprocess.run(
            [sys.executable, "-c", KILLED], env={**os.environ, **environment}, check=False
        ).returncode

    assert run(RAPPORT_FAULT=fault) == -signal.SIGKILL
    record_property(*kill("load, at a named point", fault))
    assert run() == 0
    after_kill = landing.all(HASH), read_position(landing.connection, "crm", "people")
    landing.connection.execute("drop table raw.crm__people; delete from raw.watermarks")
    assert run() == 0
    assert (landing.all(HASH), read_position(landing.connection, "crm", "people")) == after_kill
    assert landing.all("select count(*) from raw.crm__people") == [(200,)]


def test_an_error_does_not_wait_for_a_vendor_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "JOIN_SECONDS", 0.0)
    answered = threading.Event()

    def pages() -> Any:
        yield 1
        answered.wait(30)
        yield 2

    ahead = batches.read_ahead(pages)
    assert next(ahead) == 1
    ahead.close()
    assert not answered.is_set()
    hanging = [thread for thread in threading.enumerate() if thread.name == "read-ahead"]
    assert [thread.is_alive() for thread in hanging] == [True]
    answered.set()
    hanging[0].join(10)

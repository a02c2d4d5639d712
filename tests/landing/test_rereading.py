"""What rapport.yml says later counts for rows that landed before, also of files that are gone."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.own_data import AS_OF, OwnData

from rapport.warehouse import url

COLUMNS: dict[str, Any] = {
    "conversation_id": "id", "email": "email", "created_at": "at", "status": "state",
}  # fmt: skip
TICKETS = {"format": "csv", "entity": "conversations", "key": ["id"], "columns": COLUMNS}
FILE = "id,email,at,state\nT1,a@x.example,2026-02-01 10:00:00,Geschlossen\n"


@pytest.fixture
def desk(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> OwnData:
    return OwnData(tmp_path, monkeypatch, warehouse)


def sources(path: str, **more: Any) -> dict[str, Any]:
    return {"files": {"datasets": {"desk": {**TICKETS, "path": path, **more}}}}


def meaning(status: str) -> dict[str, Any]:
    return COLUMNS | {"status": {"column": "state", "values": {"Geschlossen": status}}}


def read(desk: OwnData) -> list[tuple[Any, ...]]:
    return desk.read(
        "select payload -> '_read' ->> 'status', payload -> '_read' ->> 'created_at', is_latest"
        " from raw.files__desk order by load_id"
    )


def test_a_word_that_is_explained_later_counts_for_the_row_whose_file_is_gone(
    desk: OwnData,
) -> None:
    path = desk.put("t.csv", FILE)
    folder = str(Path(path).parent / "*.csv")
    desk.land(sources(folder))
    assert read(desk) == [("closed", "2026-02-01T09:00:00Z", True)]
    Path(path).unlink()
    columns = TICKETS["columns"] | {
        "status": {"column": "state", "values": {"Geschlossen": "solved"}}
    }  # type: ignore[operator]
    desk.land(sources(folder, columns=columns, timezone="America/New_York"), AS_OF)
    assert read(desk) == [("solved", "2026-02-01T15:00:00Z", True)]
    loads = desk.read("select sum(landed), count(distinct as_of) from raw.loads")
    assert loads == [(2, 1)]


def test_a_row_that_cannot_be_read_in_the_new_way_keeps_what_it_has(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    desk.land(sources(path))
    columns = COLUMNS | {"created_at": {"column": "at", "format": "%d.%m.%Y"}}
    desk.land(sources(path, columns=columns), AS_OF + timedelta(days=1))
    assert read(desk) == [("closed", "2026-02-01T09:00:00Z", True)]
    assert len(desk.rejected("desk")) == 1


def test_a_dataset_that_is_off_is_read_again_too(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    desk.land(sources(path))
    columns = TICKETS["columns"] | {
        "status": {"column": "state", "values": {"Geschlossen": "open"}}
    }  # type: ignore[operator]
    desk.land(sources(path, columns=columns, enabled=False))
    assert read(desk)[0][0] == "open"


def test_nothing_is_read_again_where_nothing_changed(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    desk.land(sources(path))
    before = desk.read("select reread_at from raw.readings where stream = 'desk'")
    desk.land(sources(path))
    assert desk.read("select reread_at from raw.readings where stream = 'desk'") == before
    assert desk.read("select count(*) from raw.loads where landed > 0") == [(1,)]


def test_rows_of_the_release_before_get_their_values(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    desk.land(sources(path))
    desk.connection.execute("update raw.files__desk set payload = payload - '_read'")
    desk.connection.execute("delete from raw.readings")
    desk.land(sources(path, enabled=False))
    assert read(desk) == [("closed", "2026-02-01T09:00:00Z", True)]


def test_a_kill_while_rows_are_read_again_leaves_them_as_they_were(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    desk.land(sources(path))
    columns = TICKETS["columns"] | {
        "status": {"column": "state", "values": {"Geschlossen": "open"}}
    }  # type: ignore[operator]
    desk.declare(sources(path, columns=columns))
    script = "from rapport.tasks.verbs import reread; reread()"
    given = {**os.environ, "RAPPORT_FAULT": "landing.reread", "AIRFLOW_CONN_WAREHOUSE": url()}
    done = subprocess.run([sys.executable, "-c", script], env=given, check=False)
    assert done.returncode == -9
    assert read(desk)[0][0] == "closed"
    del given["RAPPORT_FAULT"]
    subprocess.run([sys.executable, "-c", script], env=given, check=True)
    assert read(desk)[0][0] == "open"


def test_a_key_that_is_said_later_makes_no_second_rows(desk: OwnData) -> None:
    sums = "ref,cust,at,sum\n1,7,2026-02-01 10:00:00,10\n2,8,2026-02-01 10:00:00,20\n"
    path = desk.put("o.csv", sums)
    orders = {
        "path": path, "format": "csv", "entity": "orders",
        "columns": {"customer_id": "cust", "ordered_at": "at", "amount": "sum"},
    }  # fmt: skip
    desk.land({"files": {"datasets": {"desk": orders}}})
    desk.land({"files": {"datasets": {"desk": orders | {"key": ["ref"]}}}})
    rows = desk.read(
        "select record_key from raw.files__desk where is_latest and not is_deleted order by 1"
    )
    assert rows == [("1",), ("2",)]


def test_every_dataset_that_cannot_be_read_is_named(desk: OwnData) -> None:
    path = desk.put("t.csv", FILE)
    orders = TICKETS | {"columns": COLUMNS | {"subject": "topic"}, "path": path}
    desk.land({"files": {"datasets": {"first": orders, "second": orders}}})
    (error,) = desk.errors
    assert "files first" in error and "files second" in error

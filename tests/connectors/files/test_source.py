"""Files: every row that is read lands or is set aside, and nothing is read twice."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from rapport.connectors import open_source
from rapport.connectors.files import access_log
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.delimited import rows
from rapport.connectors.files.source import Files
from rapport.connectors.files.text import Line, lines
from rapport.errors import ConfigError, GiveUp
from rapport.landing.raw_tables import create_table
from rapport.vendors.source import Page

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
ORDERS = {
    "format": "csv",
    "entity": "orders",
    "columns": {"order_id": "id", "amount": "sum", "ordered_at": "at"},
    "rows": "events",
}
HEADER = b"id,sum,at\n"
GOOD = b"1,10.50,2026-03-01\n"


@dataclass
class Read:
    records: list[dict[str, Any]]
    rejected: list[tuple[str, bytes]]
    position: Any
    keys: list[str]
    error: str | None = None


def _without_read(record: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(record)
    del row["_read"]
    return row


def read(position: Any = None, /, **dataset: Any) -> Read:
    (stream,) = Files({"datasets": {"shop": ORDERS | dataset}}).streams()
    pages: list[Page] = []
    error = None
    try:
        pages.extend(stream.pages(None, position, AS_OF))  # type: ignore[arg-type]
    except GiveUp as caught:
        error = str(caught)
    records = [bytes(record) for page in pages for record in page.records]
    return Read(
        [_without_read(record) for record in records],
        [(r.reason, r.original) for page in pages for r in page.rejected],
        next((page.position for page in reversed(pages) if page.position), None),
        [stream.read_key(record).key for record in records],
        error,
    )


def collected(**dataset: Any) -> Read:
    """As `read`, with the pages that came before an error."""
    (stream,) = Files({"datasets": {"shop": ORDERS | dataset}}).streams()
    found = Read([], [], None, [])
    try:
        for page in stream.pages(None, None, AS_OF):  # type: ignore[arg-type]
            found.records += [_without_read(bytes(record)) for record in page.records]
            found.rejected += [(r.reason, r.original) for r in page.rejected]
            found.position = page.position or found.position
    except GiveUp as caught:
        found.error = str(caught)
    return found


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., str]:
    def put(content: bytes, name: str = "a.csv") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    return put


def test_a_row_lands_with_its_place_where_there_is_no_key(put: Any) -> None:
    found = read(path=put(HEADER + GOOD))
    (row,) = found.records
    assert row == {
        "id": "1", "sum": "10.50", "at": "2026-03-01",
        "_file": "a.csv", "_line": 2, "_hash": row["_hash"],
    }  # fmt: skip


def test_a_row_with_a_key_lands_as_it_is(put: Any) -> None:
    found = read(path=put(HEADER + GOOD), key=["id"])
    assert found.records == [{"id": "1", "sum": "10.50", "at": "2026-03-01"}]
    assert found.keys == ["1"]


def test_equal_rows_of_a_file_are_different_rows(put: Any) -> None:
    found = read(path=put(HEADER + GOOD * 3))
    assert len(set(found.keys)) == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,10.50", "2 columns instead of 3"),
        (b"1,10.50,2026-03-01,x", "4 columns instead of 3"),
        (b"1,ten,2026-03-01", "column sum: no number (written like aaa)"),
        (b"1,1e400,2026-03-01", "column sum: no number (written like 9a999)"),
        (
            b"1,1.234,2026-03-01",
            'column sum: thousands or a fraction; say `decimal: "."` or `","` (written like 9.999)',
        ),
        (
            b"1,10.50,01/03/2026",
            "column at: no ISO 8601 time; say how it is written by `format`, such as"
            ' "%d.%m.%Y %H:%M" (written like 99/99/9999)',
        ),
        (
            b"1,10.50,2026-02-30",
            "column at: a time that does not exist (written like 9999-99-99)",
        ),
        (
            b"1,10.50,2026-03-01T24:30",
            "column at: a time that does not exist (written like 9999-99-99a99:99)",
        ),
        (b"\xff,10.50,2026-03-01", "not utf-8; it reads as cp1252: write `encoding: cp1252`"),
        (b"\x00,10.50,2026-03-01", "contains NUL"),
        (b'1,"10.50,2026-03-01', "a quote is not closed"),
        (b'1,"10"50,2026-03-01', "',' expected after '\"'"),
    ],
)
def test_a_bad_row_is_set_aside_with_line_reason_and_bytes(
    put: Any, line: bytes, reason: str
) -> None:
    found = read(path=put(HEADER + GOOD + line + b"\n" + GOOD))
    assert found.rejected == [(f"a.csv line 3: {reason}", line)]
    assert [row["_line"] for row in found.records] == [2, 4]


@pytest.mark.parametrize("line", [b",,", b"1,,2026-03-01 10:00:00+02", b'"a\nb",1,', b"1, 5 ,"])
def test_an_empty_cell_is_no_value_and_a_quoted_break_no_end(put: Any, line: bytes) -> None:
    found = read(path=put(HEADER + line + b"\n" + GOOD))
    assert (len(found.records), found.rejected) == (2, [])


def test_an_empty_key_is_set_aside(put: Any) -> None:
    found = read(path=put(HEADER + b",1,\n"), key=["id"])
    assert found.rejected == [("a.csv line 2: column id is empty and belongs to the key", b",1,")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_content(put: Any) -> None:
    found = read(path=put(b"\xef\xbb\xbfid,sum,at\r\n1,10,2026-03-01\r\n"), key=["id"])
    assert found.records == [{"id": "1", "sum": "10", "at": "2026-03-01"}]


def test_a_last_line_that_is_cut_off_is_set_aside(put: Any) -> None:
    found = read(path=put(HEADER + GOOD + b"2,7"))
    assert found.rejected == [("a.csv line 3: 2 columns instead of 3", b"2,7")]


def test_a_declared_encoding_is_read(put: Any) -> None:
    columns = {"order_id": "id", "category": "Größe"}
    content = "id,Größe\n1,klein ß\n".encode("cp1252")
    found = read(path=put(content), encoding="cp1252", columns=columns, key=["id"])
    assert found.records == [{"id": "1", "Größe": "klein ß"}]


def test_runs_of_blanks_and_given_names_and_formats(put: Any) -> None:
    found = read(
        path=put(b" 00004 19970101  2   29.33\n 00004 19971301  2   29.33\n"),
        delimiter="whitespace",
        header=["who", "at", "n", "sum"],
        columns={
            "customer_id": "who",
            "ordered_at": {"column": "at", "format": "%Y%m%d"},
            "currency": {"value": "USD"},
        },
    )
    assert [row["who"] for row in found.records] == ["00004"]
    assert (
        found.rejected[0][0]
        == "a.csv line 2: column at: a time that does not exist (written like 99999999)"
    )


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"id,sum\n", "has no column at, which rapport.yml needs"),
        (b"id,id,sum,at\n", "has no good header"),
        (b"\xff\xfei\x00d\x00\n\x00", "has no columns sum, at"),
    ],
)
def test_a_file_with_a_wrong_header_keeps_no_other_from_landing(
    put: Any, tmp_path: Path, header: bytes, reason: str
) -> None:
    put(header + GOOD, "1.csv")
    put(HEADER + GOOD, "2.csv")
    found = collected(path=str(tmp_path))
    assert found.error is not None
    assert f"1 of 2 files not read to the end: 1.csv {reason}" in found.error
    assert len(found.records) == 1
    assert list(found.position["files"]) == ["2.csv"]


def test_a_file_that_has_not_changed_is_not_read_again(put: Any, tmp_path: Path) -> None:
    put(HEADER + GOOD, "1.csv")
    first = read(path=str(tmp_path / "*.csv"))
    assert read(first.position, path=str(tmp_path / "*.csv")).records == []
    put(HEADER + GOOD, "2.csv")
    second = read(first.position, path=str(tmp_path / "*.csv"))
    assert [row["_file"] for row in second.records] == ["2.csv"]


def test_a_file_that_has_grown_gives_the_old_rows_the_same_keys(put: Any) -> None:
    path = put(HEADER + GOOD)
    first = read(path=path)
    put(HEADER + GOOD + GOOD)
    second = read(first.position, path=path)
    assert second.keys[:1] == first.keys
    assert len(second.keys) == 2


def test_a_changed_declaration_reads_everything_again(put: Any) -> None:
    path = put(HEADER + b"1,10,01.03.2026\n")
    first = read(path=path)
    assert len(first.rejected) == 1
    columns = {"ordered_at": {"column": "at", "format": "%d.%m.%Y"}}
    assert len(read(first.position, path=path, columns=columns).records) == 1


def test_a_gzipped_file_is_the_same_as_a_plain_one(put: Any) -> None:
    plain = read(path=put(HEADER + GOOD * 4), key=["id"])
    packed = read(path=put(gzip.compress(HEADER + GOOD * 4), "a.csv.gz"), key=["id"])
    assert packed.records == plain.records


def test_a_gzip_that_is_cut_off_lands_what_came_and_is_read_again(put: Any) -> None:
    content = HEADER + b"".join(b"%d,10,2026-03-01\n" % i for i in range(20_000))
    path = put(gzip.compress(content)[:-2000])
    found = collected(path=path)
    assert found.error is not None
    assert "is cut off or damaged after line" in found.error
    assert 1000 < len(found.records) < 20_000
    assert found.position is None


def test_a_gzip_bomb_is_refused(put: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapport.connectors.files.text.ALWAYS_UNPACKED", 1_000_000)
    found = collected(path=put(gzip.compress(HEADER + b"\n" * 30_000_000)))
    assert found.error is not None
    assert "times its size: refused" in found.error


def test_a_line_without_end_is_set_aside_in_bounded_memory(
    put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(put(HEADER + b"x" * 300_000 + b"\n" + GOOD)).open("rb") as file:
        found = list(lines(file, longest=1000))
    assert [line.problem for line in found] == [None, "line of 300001 bytes, too long", None]
    assert [line.number for line in found] == [1, 2, 3]
    assert len(found[1].content) == 1000


def test_a_link_out_of_the_folder_is_refused(put: Any, tmp_path: Path) -> None:
    secret = put(HEADER + GOOD, "private/secret.csv")
    put(HEADER + GOOD, "in/1.csv")
    (tmp_path / "in" / "2.csv").symlink_to(secret)
    found = collected(path=str(tmp_path / "in"))
    assert len(found.records) == 1
    assert found.error is not None
    assert "2.csv is a link to a place outside of the declared folder" in found.error


def test_hidden_unfinished_and_special_files_are_left_alone(put: Any, tmp_path: Path) -> None:
    for name in (".a.csv", "b.csv.part", "c.csv.tmp", ".x/d.csv"):
        put(HEADER + GOOD, name)
    os.mkfifo(tmp_path / "e.csv")
    put(HEADER + GOOD, "f.csv")
    found = read(path=str(tmp_path / "**" / "*"))
    assert {row["_file"] for row in found.records} == {"f.csv"}


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "is not there" in str(read(path=str(tmp_path / "nowhere" / "*.csv")).error)
    assert read(path=str(tmp_path / "*.csv")).error is None


def test_json_lines_land_byte_for_byte(put: Any) -> None:
    content = b'{"id": 12345678901234567890,  "sum": 1.10, "at": null}\n[1]\n{"id": 1\n"x"\n'
    content += b'{"id":1,"sum":true}\n{"id":1,"sum":"x"}\n\n' + b"[" * 100_000 + b"\n"
    (stream,) = Files({"datasets": {"shop": ORDERS | {"format": "ndjson", "key": ["id"],
        "path": put(content)}}}).streams()  # fmt: skip
    pages = list(stream.pages(None, None, AS_OF))  # type: ignore[arg-type]
    records = [bytes(r) for page in pages for r in page.records]
    (record,) = records
    assert record.endswith(b',"id": 12345678901234567890,  "sum": 1.10, "at": null}')
    reasons = [r.reason.split(": ")[1] for page in pages for r in page.rejected]
    assert reasons[:2] == ["not a JSON object", "not JSON"]
    assert len(reasons) == 6


def test_json_lines_without_a_key_get_their_place(put: Any) -> None:
    content = b'{"id": 1, "sum": 1, "at": null}\n{"id": 1, "_file": "x"}\n'
    found = read(path=put(content), format="ndjson")
    assert [(row["_file"], row["_line"]) for row in found.records] == [("a.csv", 1), ("a.csv", 2)]
    assert len(set(found.keys)) == 2


def test_parquet_rows_land_and_bad_ones_are_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = {
        "id": list(range(5000)),
        "sum": ["1.5"] * 4999 + ["x"],
        "at": [datetime(2026, 3, 1, 12, 30, tzinfo=UTC)] * 5000,
    }
    parquet.write_table(pyarrow.table(table), path)
    found = read(path=str(path), format="parquet", key=["id"])
    assert len(found.records) == 4999
    assert found.records[7] == {"id": 7, "sum": "1.5", "at": "2026-03-01T12:30:00Z"}
    assert [reason for reason, _ in found.rejected] == [
        "a.parquet line 5000: column sum: no number (written like a)"
    ]
    path.write_bytes(path.read_bytes()[:-100])
    assert "is cut off or damaged" in str(read(path=str(path), format="parquet").error)


@pytest.mark.parametrize(
    "rest",
    [
        " [x" * 20_000, " [x]" * 20_000, ' [x] "' * 20_000, ' [x] "\\' * 20_000, " b" * 100_000,
        ' [x] "" 200 1 "" "' * 20_000, ' [x] "' + "\\" * 100_001, ' [x] "" 200 ' + "1" * 100_000,
    ],
)  # fmt: skip
def test_a_hostile_line_of_an_access_log_costs_no_more_than_its_length(rest: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="not a line"):
        access_log.parse(f"::1 - -{rest}")
    assert time.process_time() - started < 1


def test_an_access_log_keeps_its_identity_when_it_is_rotated(put: Any, tmp_path: Path) -> None:
    line = b'::1 - - [17/May/2015:10:05:%02d +0200] "GET / HTTP/1.1" 200 - "-" "c \\"x\\""\n'
    content = b"".join(line % second for second in range(20))
    put(content, "in/access.log")
    web = {"format": "access_log", "entity": "web_events", "columns": {"occurred_at": "time"}}
    first = read(path=str(tmp_path / "in"), **web)
    (tmp_path / "in" / "access.log").unlink()
    put(gzip.compress(content), "in/access.log.1.gz")
    assert read(first.position, path=str(tmp_path / "in"), **web).keys == first.keys
    assert len(set(first.keys)) == 20
    assert first.records[0]["time"] == "2015-05-17T08:05:00Z"
    assert first.records[0]["bytes"] is None


def test_an_object_store_is_read_through_airflow(put: Any, tmp_path: Path) -> None:
    put(HEADER + GOOD, "in/1.csv")
    put(HEADER + GOOD, "in/2.txt")
    found = read(path=f"file://{tmp_path}/in/*.csv")
    assert [row["_file"] for row in found.records] == ["1.csv"]
    assert read(found.position, path=f"file://{tmp_path}/in/*.csv").records == []


def test_plain_paths_do_not_import_airflow(put: Any) -> None:
    options = {"datasets": {"shop": ORDERS | {"path": put(HEADER + GOOD)}}}
    code = f"""
import sys
from rapport.connectors.files.source import Files
(stream,) = Files({options!r}).streams()
assert sum(len(page.records) for page in stream.pages(None, None, None)) == 1
assert "airflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"entity": "order"}, "no entity order, there are: contacts, orders"),
        ({"columns": {"amuont": "sum"}}, "orders have no amuont, they have: customer_id"),
        (
            {"columns": {"ordered_at": {"column": "s", "format": "%Y"}}},
            "write a year, a month and a day",
        ),
        ({"columns": {"ordered_at": {"column": "s", "format": "%Q-%m"}}}, "%Q is none of"),
        ({"columns": {"amount": {"column": "s", "value": "1"}}}, "either a column or a value"),
        ({"delimiter": ";;"}, "write one character, tab, or whitespace"),
        ({"header": ["a", "a"]}, "list of different names"),
        (
            {"format": "xlsx"},
            "'csv', 'ndjson', 'parquet', 'sheet', 'google_sheet', 'access_log' or 'ga4'",
        ),
        ({"pth": "x"}, "sources.files.datasets.shop.pth"),
    ],
)
def test_a_wrong_declaration_is_said_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=r"rapport.yml: sources.files.datasets.shop") as caught:
        Files({"datasets": {"shop": ORDERS | {"path": "x"} | change}})
    assert said in str(caught.value)


def test_dbt_gets_the_columns_that_cells_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.settings import load_settings

    (tmp_path / "rapport.yml").write_text(
        """
sources:
  files:
    datasets:
      shop:
        path: x
        format: csv
        entity: orders
        key: [id]
        columns:
          order_id: id
          ordered_at: {column: at, format: "%d.%m.%Y %H:%M"}
          currency: {value: EUR}
"""
    )
    source = open_source("files", load_settings(tmp_path / "rapport.yml"))
    assert source.mapped_datasets() == {
        "shop": {
            "source": "files",
            "entity": "orders",
            "namespace": "shop",
            "columns": {"order_id": "id", "ordered_at": "at", "currency": ""},
        }
    }


def test_what_is_turned_off_is_read_no_more_and_stays_known(
    tmp_path: Path, warehouse: psycopg.Connection[Any]
) -> None:
    from rapport.landing.ingest import pull
    from rapport.settings import Settings

    (tmp_path / "a.csv").write_text("id\n1\n")
    shop = {"path": str(tmp_path), "format": "csv", "entity": "orders", "key": ["id"]}
    off = {"datasets": {"shop": {**shop, "enabled": False}, "other": shop}}
    create_table(warehouse, "files", "shop")
    create_table(warehouse, "files", "other")
    results = pull(Files(off), warehouse, run_id="r", as_of=AS_OF)
    assert [(result.stream, result.landed) for result in results] == [("other", 1)]
    for enabled in (True, False):
        chosen = Settings.model_validate({"sources": {"files": {**off, "enabled": enabled}}})
        known = open_source("files", chosen).mapped_datasets()
        assert (known["shop"].get("enabled"), known["other"].get("enabled")) == (False, None)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=12))
def test_no_line_is_lost_whatever_stands_in_it(content: list[bytes]) -> None:
    dataset = Dataset(path="x", format="csv", entity="orders", header=("a", "b"))
    given = [Line(number, line) for number, line in enumerate(content, 1) if b"\x00" not in line]
    found = list(rows(iter(given), dataset))
    lines_of = b"\n".join(row.original for row in found).split(b"\n")
    # A blank line between rows is none, nor is the end of a file of DOS; one in a cell is.
    blank = b" \t\r\x0b\x0c\x1a"
    assert [line for line in lines_of if line.strip(blank)] == [
        line.content for line in given if line.content.strip(blank)
    ]


@pytest.mark.parametrize(
    ("dataset", "landed", "rejected"),
    [
        (
            {
                "path": "data/cdnow/CDNOW_master.txt",
                "delimiter": "whitespace",
                "columns": {
                    "customer_id": "customer_id",
                    "ordered_at": {"column": "date", "format": "%Y%m%d"},
                    "quantity": "number_of_cds",
                    "amount": "dollar_value",
                    "currency": {"value": "USD"},
                },
            },
            69_659,
            0,
        ),
        (
            {"path": "data/apache_logs/access.log", "format": "access_log",
             "entity": "web_events", "columns": {}},
            9_999,
            1,
        ),
        (
            {"path": "data/apache_logs/damaged.log", "format": "access_log",
             "entity": "web_events", "columns": {}},
            0,
            10_000,
        ),
    ],
)  # fmt: skip
def test_public_data_is_accounted_for(
    reference_dir: Path, dataset: dict[str, Any], landed: int, rejected: int
) -> None:
    found = read(**dataset | {"path": str(reference_dir / dataset["path"])})
    assert (len(found.records), len(found.rejected)) == (landed, rejected)
    assert len(set(found.keys)) == landed

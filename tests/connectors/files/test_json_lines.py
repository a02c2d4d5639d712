"""JSON: objects line by line or in one array, and columns that records have or have not."""

import io
import json
import time
import tracemalloc
from typing import Any

import pytest

from rapport.connectors.files import formats
from rapport.connectors.files.columns import LOOKED_AT
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row

OBJECTS = [
    {"id": number, "who": {"mail": f"ö{number}"}, "tags": [1, {"a": 2}]} for number in range(5)
]


def rows(content: bytes, *needed: str, **options: Any) -> list[Row]:
    dataset = Dataset(**{"path": "x", "format": "ndjson", "entity": "orders", **options})
    return list(formats.rows(io.BytesIO(content), dataset, needed))


def refused(content: bytes, *needed: str) -> str:
    with pytest.raises(FileError) as caught:
        rows(content, *needed)
    return str(caught.value)


ARRAYS = {
    "in one line": json.dumps(OBJECTS),
    "indented": json.dumps(OBJECTS, indent=2, ensure_ascii=False),
    "an object a line": "[\n" + ",\n".join(map(json.dumps, OBJECTS)) + "\n]\n",
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_an_array_is_read_like_lines(kind: str, encoding: str) -> None:
    found = rows(ARRAYS[kind].encode(encoding), "who.mail")
    assert [row.values for row in found] == OBJECTS
    assert [json.loads(row.json or b"") for row in found] == OBJECTS


@pytest.mark.parametrize("kind", ARRAYS)
def test_an_array_that_is_cut_off_is_refused_wherever_it_is_cut(kind: str) -> None:
    content = ARRAYS[kind].rstrip().encode()
    for length in range(len(content) // 2, len(content)):
        assert "is a JSON array that is cut off or damaged after row" in refused(content[:length])


def test_an_empty_array_has_no_rows() -> None:
    assert rows(b"[]") == rows(b"[\n\n]\n") == []


def test_an_array_is_never_in_memory_as_a_whole() -> None:
    content = json.dumps([{"text": "x" * 1000}] * 30_000, indent=1).encode()
    dataset = Dataset(path="x", format="ndjson", entity="orders")
    tracemalloc.start()
    try:
        assert sum(1 for _ in formats.rows(io.BytesIO(content), dataset, ())) == 30_000
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()


def test_what_is_no_object_in_an_array_is_set_aside() -> None:
    found = rows(b'[{"id": 1}, 2, NaN, {"id": 3}]')
    assert [row.problem for row in found] == [None, "not a JSON object", "not JSON", None]


def test_a_line_that_happens_to_be_an_array_is_a_line() -> None:
    assert [row.problem for row in rows(b'[1]\n{"id": 1}\n')] == ["not a JSON object", None]


def test_objects_over_several_lines_are_refused_with_what_to_do() -> None:
    assert "Write each into one line, for example with `jq -c .`" in refused(b'{\n "id": 1\n}\n')


def test_rows_in_a_list_of_one_object_are_refused_with_what_to_do() -> None:
    content = json.dumps({"meta": {"page": 1}, "data": {"orders": OBJECTS}}).encode()
    assert refused(content, "id", "who.mail") == (
        "has its rows in the list `data.orders`. Write one object a line, for example with "
        "`jq -c .data.orders[]`"
    )


def test_an_array_without_end_costs_no_more_than_its_length() -> None:
    started = time.process_time()
    assert "is a JSON array" in refused(b'[{"a": "' + b"x" * 20_000_000)
    assert "is nested too deep" in refused(b"[" + b'{"a":' * 100_000 + b"\n1")
    assert time.process_time() - started < 10


def test_a_column_that_no_record_has_is_refused() -> None:
    lines = b'{"id": 1, "who": {"Mail": 1}}\n{"id": 2, "seldom": 3}\n'
    assert len(rows(lines, "id", "seldom", "who.Mail")) == 2
    assert refused(lines, "id", "sum", "who.mail") == (
        "has no columns sum, who.mail, which rapport.yml needs; it has 4 columns; there is "
        "`who.Mail`"
    )


def test_a_column_that_only_late_records_have_is_refused_with_where_it_was_looked_for() -> None:
    lines = b'{"id": 1}\n' * LOOKED_AT + b'{"id": 1, "late": 2}\n'
    assert f"the part up to row {LOOKED_AT} has 1 column" in refused(lines, "late")
    assert len(rows(lines[10:], "late")) == LOOKED_AT


def test_a_name_with_dots_is_taken_as_it_stands_first() -> None:
    assert len(rows(b'{"a.b": 1}\n', "a.b")) == 1
    assert len(rows(b'{"a": {"b": 1}}\n', "a.b")) == 1
    assert len(rows(b'{"a": [{"b": 1}]}\n', "a.0.b")) == 1
    assert "has no column a.b" in refused(b'{"a": 1}\n', "a.b")


def test_a_file_of_broken_lines_lacks_no_column() -> None:
    assert [row.problem for row in rows(b"{\x00}\n", "id")] == ["contains NUL"]


def test_another_encoding_is_read_where_it_is_declared_and_suggested_where_not() -> None:
    content = '{"a": "Größe"}\n'.encode("cp1252")
    assert rows(content, encoding="cp1252")[0].values == {"a": "Größe"}
    assert rows(content)[0].problem == "not utf-8; it reads as cp1252: write `encoding: cp1252`"

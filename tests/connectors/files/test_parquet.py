"""Parquet as programs write it: text without a mark, ids with a point, times of every kind."""

import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow
import pytest
from pyarrow import parquet

from rapport.connectors.files import formats
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.places import FileError


def read(
    columns: dict[str, Any], /, *needed: str, **options: Any
) -> list[tuple[dict[str, Any], str | None]]:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), file)
    dataset = Dataset(**{"path": "x", "format": "parquet", "entity": "orders", **options})
    found = list(formats.rows(file, dataset, needed))
    return [(json.loads(row.json or b"{}"), row.problem) for row in found]


def one(value: Any, kind: Any = None) -> Any:
    """What a value of a type is read as."""
    ((row, _),) = read({"a": pyarrow.array([value], kind)})
    return row["a"]


@pytest.mark.parametrize("kind", [pyarrow.binary(), pyarrow.large_binary()])
def test_text_that_was_written_as_bytes_is_text(kind: Any) -> None:
    assert one("ö1\n".encode(), kind) == "ö1\n"
    assert one(b"\x00\xff", kind) == "AP8="
    assert one(b"a\x00", kind) == "YQA="


def test_bytes_in_records_and_lists_are_text_too() -> None:
    assert one({"id": b"o1", "all": [b"x", None]}) == {"id": "o1", "all": ["x", None]}


def test_ids_that_were_written_with_a_point_are_whole() -> None:
    columns = {"id": [17850.0, float("nan")], "sum": [5.0, 5.5], "who": [{"no": 7.0}, None]}
    mapped = {"order_id": "id", "amount": "sum", "customer_id": "who.no"}
    found = read(columns, *mapped.values(), columns=mapped)
    assert [row for row, _ in found] == [
        {"id": 17850, "sum": 5.0, "who": {"no": 7}}, {"id": None, "sum": 5.5, "who": None},
    ]  # fmt: skip
    assert '"sum": 5.0' in json.dumps(found[0][0])
    ((keyed, _),) = read({"id": [Decimal("17850.00")]}, key=["id"])
    assert keyed == {"id": 17850}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_keeps_its_zone_or_has_none(unit: str) -> None:
    moment = datetime(2026, 3, 1, 12, 30)  # noqa: DTZ001 - it has no zone
    assert one(moment, pyarrow.timestamp(unit)) == "2026-03-01T12:30:00"
    berlin = moment.replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert one(berlin, pyarrow.timestamp(unit, "Europe/Berlin")) == "2026-03-01T11:30:00Z"
    assert one({"at": berlin.astimezone(UTC)})["at"] == "2026-03-01T11:30:00Z"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (date(2026, 3, 1), None, "2026-03-01"),
        (time(12, 30), None, "12:30:00"),
        (Decimal("1450000.10"), None, 1450000.10),
        (19.99, pyarrow.float32(), 19.99),
        (float("inf"), None, None),
        (2**63, pyarrow.uint64(), 2**63),
        ([("plan", "pro")], pyarrow.map_(pyarrow.string(), pyarrow.string()), {"plan": "pro"}),
    ],
)
def test_nothing_is_rounded(value: Any, kind: Any, expected: Any) -> None:
    assert one(value, kind) == expected


def test_a_time_beyond_the_year_9999_is_set_aside_and_its_neighbours_are_read() -> None:
    far = pyarrow.array([0, 10**15, 1], pyarrow.timestamp("s"))
    found = read({"id": ["a", "b", "c"], "at": far})
    assert [row.get("id") for row, _ in found] == ["a", None, "c"]
    assert found[1][1] == "a time outside of the years 1 to 9999, or a broken value"


def test_a_missing_column_is_refused_with_the_names_that_come_close() -> None:
    columns = {"Id": [1], "who": [{"e_mail": "x"}], "items": [[{"id": 1}]]}
    assert len(read(columns, "Id", "who.e_mail", "items.0.id")) == 1
    with pytest.raises(FileError) as caught:
        read(columns, "id", "who.email")
    assert str(caught.value) == (
        "has no columns id, who.email, which rapport.yml needs; it has 4 columns; there is `Id`, "
        "`who.e_mail`"
    )

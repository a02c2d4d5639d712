"""Google Analytics 4: days that are rewritten, events without an id, numbers that come as text."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rapport.connectors.files.datasets import GA4, Dataset
from rapport.connectors.files.source import Files
from rapport.vendors.source import Page

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)


def event(micros: int = 1_774_900_000_000_001, **changed: Any) -> dict[str, Any]:
    params = {
        "page_location": {"string_value": "https://shop.example/products/p1?utm_source=ads"},
        "page_referrer": {"string_value": "https://www.search.example/"},
        "ga_session_id": {"int_value": "1774900000"},
    }
    return {
        "event_date": "20260330",
        "event_timestamp": str(micros),
        "event_name": "view_item",
        "event_params": [{"key": key, "value": value} for key, value in params.items()],
        "user_pseudo_id": "1.2",
        "user_id": "u_1",
        "stream_id": "77",
        "batch_event_index": "1",
        "collected_traffic_source": {"manual_source": "news", "manual_medium": "email"},
        "items": [{"item_id": "p1", "item_category": "tea"}, {"item_id": "p2"}],
        **changed,
    }


def write(folder: Path, day: str, *events: Mapping[str, Any]) -> None:
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in events)
    (folder / f"events_{day}.json.gz").write_bytes(gzip.compress(lines))


def pull(folder: Path, position: Any = None) -> tuple[dict[str, dict[str, Any]], list[Page]]:
    """The records by key, and the pages."""
    dataset = {"path": f"{folder}/events_2*.json.gz", "format": "ga4"}
    (stream,) = Files({"datasets": {"ga4": dataset}}).streams()
    pages = list(stream.pages(None, position, AS_OF))  # type: ignore[arg-type]
    records = [bytes(record) for page in pages for record in page.records]
    return {stream.read_key(record).key: json.loads(record) for record in records}, pages


def test_what_is_nested_stands_beside_the_record(tmp_path: Path) -> None:
    write(tmp_path, "20260330", event())
    (record,) = pull(tmp_path)[0].values()
    assert record.items() >= event().items()
    assert record["occurred_at"] == "2026-03-30T19:46:40.000001Z"
    assert record["page_location"] == "https://shop.example/products/p1?utm_source=ads"
    assert record["page_referrer"] == "https://www.search.example/"
    assert (record["utm_source"], record["utm_medium"]) == ("news", "email")
    assert (record["item_id"], record["item_category"]) == ("p1", "tea")


@pytest.mark.parametrize(
    "other",
    [
        {"batch_event_index": "2"},
        {"batch_page_id": "9"},
        {"event_name": "scroll"},
        {"user_pseudo_id": "3.4"},
        {"user_pseudo_id": None},
        {"micros": 1_774_900_000_000_002},
    ],
)
def test_events_that_differ_in_one_of_these_are_two(tmp_path: Path, other: dict[str, Any]) -> None:
    write(tmp_path, "20260330", event(), event(**other))
    assert len(pull(tmp_path)[0]) == 2


def test_a_number_as_text_is_the_same_event_as_the_number(tmp_path: Path) -> None:
    write(tmp_path, "20260330", event(), event(event_timestamp=1_774_900_000_000_001))
    assert len(pull(tmp_path)[0]) == 1


def test_a_day_that_is_rewritten_is_read_again_and_the_others_are_not(tmp_path: Path) -> None:
    write(tmp_path, "20260328", event())
    write(tmp_path, "20260329", event(1_774_800_000_000_000))
    first, pages = pull(tmp_path)
    late = event(1_774_800_000_000_005, user_id="late")
    write(tmp_path, "20260329", event(1_774_800_000_000_000, user_id="u_2"), late)
    again, _ = pull(tmp_path, pages[-1].position)
    assert len(again) == 2
    assert {record["user_id"] for record in again.values()} == {"u_2", "late"}
    assert len(first.keys() & again.keys()) == 1


def test_the_figures_of_today_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "intraday_20260331", event())
    write(tmp_path, "20260330", event(1))
    assert [record["event_timestamp"] for record in pull(tmp_path)[0].values()] == ["1"]


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"event_name": "x"},
        {"event_timestamp": "soon", "event_name": "x"},
        {"event_timestamp": "1"},
        {"event_timestamp": "1", "event_name": "x", "event_params": ["a"]},
        {"event_timestamp": "9" * 30, "event_name": "x"},
    ],
)
def test_a_line_that_is_no_event_is_set_aside(tmp_path: Path, bad: dict[str, Any]) -> None:
    write(tmp_path, "20260330", event(), bad)
    found, pages = pull(tmp_path)
    assert len(found) == 1
    (rejected,) = (rejected for page in pages for rejected in page.rejected)
    assert rejected.reason == (
        "events_20260330.json.gz line 2: not an event of the BigQuery export"
    )
    assert json.loads(rejected.original) == bad


def test_the_event_params_may_be_missing(tmp_path: Path) -> None:
    write(tmp_path, "20260330", event(event_params=[], collected_traffic_source=None, items=None))
    (record,) = pull(tmp_path)[0].values()
    assert record["page_location"] is record["utm_source"] is record["item_id"] is None


def test_the_format_knows_entity_key_and_columns() -> None:
    dataset = Dataset(path="x", format="ga4")  # type: ignore[call-arg]
    assert (dataset.entity, dataset.key, dataset.columns) == ("web_events", ("event_id",), GA4)
    own = Dataset(path="x", format="ga4", columns={"user_id": "login"})  # type: ignore[call-arg]
    assert own.columns == {**GA4, "user_id": "login"}
    with pytest.raises(ValidationError, match="entity"):
        Dataset(path="x", format="csv")  # type: ignore[call-arg]

"""Google Analytics 4: days that are rewritten, events without an id, numbers that come as text."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from rapport.connectors.files import formats, ga4
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
    assert (dataset.entity, dataset.key) == ("web_events", ("event_id",))
    assert {name: column.column for name, column in dataset.columns.items()} == GA4
    own = Dataset(path="x", format="ga4", columns={"user_id": "login"})  # type: ignore[call-arg]
    assert own.columns["user_id"].column == "login" and own.columns.keys() == GA4.keys()
    with pytest.raises(ValidationError, match="entity"):
        Dataset(path="x", format="csv")  # type: ignore[call-arg]


def drawn_of(**changed: Any) -> dict[str, Any]:
    return ga4.drawn(event(**{"collected_traffic_source": None, **changed}))


def params(**values: str) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"string_value": value}} for key, value in values.items()]


OLD = {"batch_event_index": None, "batch_page_id": None, "batch_ordering_id": None}


@pytest.mark.parametrize(
    "other",
    [
        {"event_params": params(page_location="https://shop.example/p/2")},
        {"items": [{"item_id": "p2"}]},
        {"items": [{"item_id": "p1"}, {"item_id": "p2", "quantity": "2"}]},
        {"event_bundle_sequence_id": "7"},
        {"user_pseudo_id": None, "user_id": "u_2"},
        {"user_pseudo_id": None, "user_id": "u_3"},
    ],
)
def test_events_of_one_microsecond_without_a_batch_are_told_apart(other: dict[str, Any]) -> None:
    assert drawn_of(**OLD)["event_id"] != drawn_of(**{**OLD, **other})["event_id"]


def test_an_event_without_a_batch_that_is_exported_again_is_the_same() -> None:
    again = event(
        **OLD,
        event_params=list(reversed(event()["event_params"])),
        user_id="logged in since",
        items=[{"item_id": "p1", "item_revenue_in_usd": 5.0}, {"item_id": "p2"}],
        session_traffic_source_last_click={"manual_campaign": {"source": "x"}},
    )
    assert ga4.drawn(again)["event_id"] == drawn_of(**OLD)["event_id"]


def test_an_event_with_a_batch_keeps_the_id_that_it_always_had() -> None:
    assert ga4.drawn(event())["event_id"] == "e8463b85b60a3c2e2d6bc08c9f356094"
    assert (
        ga4.drawn(event(items=None, event_params=[]))["event_id"] == ga4.drawn(event())["event_id"]
    )


AD = "https://shop.example/?gclid=EAIa"
GOOGLE = {"source": "google", "medium": "organic"}
CROSS = {"source": "bing", "medium": "cpc", "campaign_name": "brand"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, (None, None, None)),
        ({"event_params": params(source="(direct)", medium="(none)")}, (None, None, None)),
        ({"event_params": params(source="(not set)", campaign="<Other>")}, (None, None, None)),
        ({"event_params": params(source="news", medium="email")}, ("news", "email", None)),
        (
            {"event_params": params(source="news", campaign="(referral)"),
             "collected_traffic_source": {"manual_source": "x", "manual_campaign_name": "spring"}},
            ("x", None, "spring"),
        ),
        ({"event_params": params(page_location=AD, **GOOGLE)}, ("google", "cpc", None)),
        ({"event_params": params(page_location=AD + "&x=1")}, ("google", "cpc", None)),
        ({"event_params": params(page_location="https://a.example/?x=gclid=")}, (None,) * 3),
        ({"event_params": params(gclid="x")}, ("google", "cpc", None)),
        ({"collected_traffic_source": {"gclid": "x"}}, ("google", "cpc", None)),
        (
            {"collected_traffic_source": {"gclid": "x", "manual_source": "google",
                                          "manual_medium": "organic"}},
            ("google", "cpc", None),
        ),
        (
            {"collected_traffic_source": {"gclid": "x", "manual_source": "ads",
                                          "manual_medium": "paid", "manual_campaign_name": "c"}},
            ("ads", "paid", "c"),
        ),
        (
            {"session_traffic_source_last_click": {"cross_channel_campaign": CROSS,
                                                   "manual_campaign": {"source": "x"}},
             "event_params": params(source="y")},
            ("bing", "cpc", "brand"),
        ),
        (
            {"session_traffic_source_last_click": {
                "manual_campaign": {"source": "x"},
                "cross_channel_campaign": {"source": "(direct)"}}},
            ("x", None, None),
        ),
        (
            {"session_traffic_source_last_click": {"google_ads_campaign": {"campaign_name": "b"}}},
            ("google", "cpc", "b"),
        ),
        ({"traffic_source": GOOGLE}, (None, None, None)),
        ({"traffic_source": GOOGLE, "event_name": "first_visit"}, ("google", "organic", None)),
        (
            {"traffic_source": {"name": "spring"},
             "event_params": [{"key": "ga_session_number", "value": {"int_value": "1"}}]},
            (None, None, "spring"),
        ),
    ],
)  # fmt: skip
def test_the_source_of_a_visit_comes_from_the_first_record_that_says_it(
    changed: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    found = drawn_of(**{"event_params": [], **changed})
    assert (found["utm_source"], found["utm_medium"], found["utm_campaign"]) == expected


def test_what_google_does_not_set_is_nothing() -> None:
    found = drawn_of(
        event_params=params(page_referrer="(not set)"),
        items=[{"item_id": "(not set)", "item_category": "(not set)"}],
    )
    assert (found["page_referrer"], found["item_id"], found["item_category"]) == (None,) * 3


def test_a_purchase_says_its_transaction() -> None:
    found = drawn_of(
        event_name="purchase",
        event_params=[*params(currency="EUR", transaction_id="t1"),
                      {"key": "value", "value": {"double_value": 12.5}}],
        ecommerce={"transaction_id": "(not set)", "purchase_revenue": None},
    )  # fmt: skip
    assert (found["value"], found["currency"]) == (12.5, "EUR")
    found = drawn_of(ecommerce={"transaction_id": "t2", "purchase_revenue": 7.5})
    assert (found["transaction_id"], found["value"]) == ("t2", 7.5)


NUMBERS = ("event_timestamp", "batch_event_index", "event_bundle_sequence_id", "int_value")


def typed(value: Any, name: str = "") -> Any:
    """A record as a table has it: whole numbers are numbers."""
    if isinstance(value, dict):
        return {key: typed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner, name) for inner in value]
    return int(value) if name in NUMBERS and value is not None else value


@pytest.mark.parametrize("kind", ["parquet", "parquet with list records", "array", "lines"])
def test_an_event_is_the_same_from_every_export(tmp_path: Path, kind: str) -> None:
    events = [event(**{"event_bundle_sequence_id": "5", **more}) for more in ({}, OLD)]
    path = tmp_path / "events_20260330"
    if kind == "lines":
        path.write_text("\n".join(map(json.dumps, events)))
    elif kind == "array":
        path.write_text(json.dumps(events, indent=1))
    else:
        table = typed(events)
        if kind != "parquet":
            for one in table:
                for name in ("event_params", "items"):
                    one[name] = {"list": [{"element": inner} for inner in one[name]]}
        parquet.write_table(pyarrow.Table.from_pylist(table), path)
    dataset = Dataset.model_validate({"path": str(path), "format": "ga4"})
    with path.open("rb") as file:
        found = list(formats.rows(file, dataset, dataset.needed))
    assert [row.problem for row in found] == [None, None]
    expected = [ga4.drawn(one) for one in events]
    assert [{name: row.values[name] for name in expected[0]} for row in found] == expected
    assert [json.loads(row.json or b"")["event_id"] for row in found] == [
        one["event_id"] for one in expected
    ]

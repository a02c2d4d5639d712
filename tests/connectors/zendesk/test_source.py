"""Zendesk's traps: the export's cursor, lists without a filter, both ways to log in."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.zendesk.source import Zendesk
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
STREAMS = {stream.name: stream for stream in Zendesk().streams()}


def export(request: Any) -> Any:
    """2,500 tickets in pages of 1,000; the cursor is the number of what was given."""
    assert request.path == "/api/v2/incremental/tickets/cursor"
    start = int(request.query["cursor"]) if "cursor" in request.query else 0
    assert ("start_time" in request.query) is ("cursor" not in request.query)
    rows = [{"id": i, "subject": "x"} for i in range(start, min(start + 1000, 2500))]
    return {
        "tickets": rows,
        "after_cursor": str(start + len(rows)),
        "end_of_stream": start + 1000 >= 2500,
    }


def pages(vendor: Any, stream: str, position: Any = None) -> list[Any]:
    with vendor.client(Zendesk()) as client:
        return list(STREAMS[stream].pages(client, position, AS_OF))


def keys(stream: str, found: list[Any]) -> list[str]:
    return [STREAMS[stream].read_key(r).key for page in found for r in page.records]


def test_an_export_is_walked_to_its_end_and_its_cursor_is_the_position(vendor: Any) -> None:
    vendor.answer = export
    found = pages(vendor, "tickets")
    assert keys("tickets", found) == [str(i) for i in range(2500)]
    assert [page.position for page in found] == [
        {"after_cursor": "1000"},
        {"after_cursor": "2000"},
        {"after_cursor": "2500"},
    ]


def test_an_export_goes_on_from_any_page(vendor: Any) -> None:
    vendor.answer = export
    assert keys("tickets", pages(vendor, "tickets", {"after_cursor": "2000"})) == [
        str(i) for i in range(2000, 2500)
    ]


def test_nothing_new_keeps_the_position(vendor: Any) -> None:
    vendor.answer = lambda request: {"tickets": [], "after_cursor": None, "end_of_stream": True}
    (page,) = pages(vendor, "tickets", {"after_cursor": "2500"})
    assert page.position == {"after_cursor": "2500"}


@pytest.mark.parametrize("cursor", ["7", None])
def test_an_export_that_does_not_move_on_stops(vendor: Any, cursor: str | None) -> None:
    vendor.answer = lambda request: {
        "tickets": [{"id": 1}],
        "after_cursor": cursor,
        "end_of_stream": False,
    }
    with pytest.raises(GiveUp):
        pages(vendor, "tickets")
    assert len(vendor.requests) <= 2


def test_a_list_is_walked_by_its_cursor(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        assert request.query["page[size]"] == "100"
        start = int(request.query.get("page[after]", 0))
        rows = [{"id": i} for i in range(start, min(start + 100, 250))]
        meta = {"has_more": start + 100 < 250, "after_cursor": str(start + 100)}
        return {"ticket_metrics": rows, "meta": meta, "links": {}}

    vendor.answer = answer
    found = pages(vendor, "ticket_metrics")
    assert keys("ticket_metrics", found) == [str(i) for i in range(250)]


def test_ratings_are_asked_for_from_thirty_days_before_the_watermark(vendor: Any) -> None:
    vendor.answer = lambda request: {"satisfaction_ratings": [], "meta": {"has_more": False}}
    pages(vendor, "satisfaction_ratings", {"cursor": "2026-03-31T00:00:00+00:00"})
    asked = datetime.fromtimestamp(int(vendor.requests[0].query["start_time"]), UTC)
    assert asked == datetime(2026, 3, 1, tzinfo=UTC)


def test_bytes_stay_as_they_were_sent(vendor: Any) -> None:
    body = b'{"tickets": [ {"id": 90071992547409931, "amount": 1e400,  "a":1.10} ],'
    vendor.answer = lambda request: body + b'"after_cursor": "1", "end_of_stream": true}'
    (page,) = pages(vendor, "tickets")
    assert bytes(page.records[0]) == b'{"id": 90071992547409931, "amount": 1e400,  "a":1.10}'


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ("a@b.example/token", "Basic " + base64.b64encode(b"a@b.example/token:k").decode()),
        ("a@b.example", "Basic " + base64.b64encode(b"a@b.example/token:k").decode()),
        ("", "Bearer k"),
    ],
)
def test_both_ways_to_log_in(vendor: Any, login: str, header: str) -> None:
    vendor.answer = export
    connection = Connection("zendesk", host=vendor.url, login=login, password="k")
    with Zendesk().client(connection) as client:
        next(iter(STREAMS["tickets"].pages(client, None, AS_OF)))
    assert vendor.requests[0].headers["Authorization"] == header


def _events(request: Any) -> Any:
    """Events in pages of three, by whole seconds; the last second of a page comes again."""
    assert request.query["include"] == "comment_events"
    start = int(request.query["start_time"])
    times = [10, 11, 12, 12, 13, 14]
    rows = [{"id": i, "timestamp": t} for i, t in enumerate(times) if t >= start]
    ends = len(rows) <= 3
    end = 99 if ends else rows[2]["timestamp"]
    return {"ticket_events": rows[:3], "end_time": end, "end_of_stream": ends, "count": 3}


def test_events_that_share_the_second_of_a_seam_come_twice_rather_than_never(vendor: Any) -> None:
    vendor.answer = _events
    found = pages(vendor, "ticket_events")
    assert keys("ticket_events", found) == ["0", "1", "2", "2", "3", "4", "4", "5"]
    assert [page.position for page in found] == [
        {"end_time": 12},
        {"end_time": 13},
        {"end_time": 99},
    ]


def test_a_second_with_more_events_than_a_page_stops_instead_of_asking_for_ever(
    vendor: Any,
) -> None:
    vendor.answer = lambda request: {"ticket_events": [{"id": 1}], "end_time": 0}
    with pytest.raises(GiveUp, match="pagination loop"):
        pages(vendor, "ticket_events")


def test_metrics_come_with_the_tickets_and_their_list_is_not_read(vendor: Any) -> None:
    vendor.answer = export
    pages(vendor, "tickets")
    assert {request.query["include"] for request in vendor.requests} == {"metric_sets"}
    assert [name for name, stream in STREAMS.items() if not stream.enabled] == ["ticket_metrics"]


def test_of_metric_events_only_applied_policies_land(vendor: Any) -> None:
    kinds = ["activate", "apply_sla", "fulfill", "apply_sla", None]
    rows = [{"id": i, "type": kind} for i, kind in enumerate(kinds)]
    vendor.answer = lambda request: {
        "ticket_metric_events": rows, "end_time": 99, "end_of_stream": True,
    }  # fmt: skip
    (page,) = pages(vendor, "ticket_metric_events")
    assert keys("ticket_metric_events", [page]) == ["1", "3"]
    assert page.position == {"end_time": 99}
    assert vendor.requests[0].path == "/api/v2/incremental/ticket_metric_events"


def test_a_page_without_an_applied_policy_is_not_the_last_one(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        start = int(request.query["start_time"])
        kind = "apply_sla" if start else "activate"
        rows = [{"id": start, "type": kind}]
        return {"ticket_metric_events": rows, "end_time": start + 7, "end_of_stream": start > 7}

    vendor.answer = answer
    assert keys("ticket_metric_events", pages(vendor, "ticket_metric_events")) == ["7", "14"]


def test_a_schedule_lands_with_its_holidays(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        if request.path.endswith("/holidays"):
            return {"holidays": [{"id": 5, "start_date": "2026-12-25"}]}
        return {"schedules": [{"id": 1, "name": "Office"}, {"id": 2, "name": "Late"}]}

    vendor.answer = answer
    found = [json.loads(bytes(r)) for page in pages(vendor, "schedules") for r in page.records]
    assert [one["name"] for one in found] == ["Office", "Late"]
    assert [one["holidays"][0]["id"] for one in found] == [5, 5]


@pytest.mark.parametrize("stream", ["schedules", "ticket_metric_events"])
def test_a_plan_without_schedules_or_policies_has_none(vendor: Any, stream: str) -> None:
    def answer(request: Any) -> Any:
        is_export = request.path.startswith("/api/v2/incremental/tickets")
        return export(request) if is_export else (403, {}, {"error": "no"})

    vendor.answer = answer
    with vendor.client(Zendesk()) as client:
        list(STREAMS["tickets"].pages(client, None, AS_OF))
        assert list(STREAMS[stream].pages(client, None, AS_OF)) == []
    with pytest.raises(GiveUp):
        pages(vendor, stream)  # nobody knows yet whether the login is right
    vendor.answer = lambda request: (404, {}, {"error": "no"})
    assert pages(vendor, stream) == []

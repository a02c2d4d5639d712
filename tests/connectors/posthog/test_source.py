"""PostHog's traps: equal times, a cache, the project's zone, persons who are merged away."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.posthog import source
from rapport.connectors.posthog.source import Posthog
from rapport.errors import ConfigError, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
EVENTS, PERSONS = Posthog().streams()


class Twin:
    """Events as (time of arrival, uuid), asked for after a time and uuid."""

    def __init__(self, events: list[tuple[str, str]]) -> None:
        self.events = events
        self.arrives: Any = None

    def __call__(self, request: Any) -> Any:
        query = request.body["query"]
        after = (moment(query["values"]["time"]), query["values"]["id"])
        found = sorted((moment(time), uuid, time) for time, uuid in self.events)
        rows = [
            [uuid, "$pageview", "d1", time, time, '{"$device_id": "d1"}']
            for when, uuid, time in found
            if (when, uuid) > after
        ]
        limit = int(query["query"].split()[-1])
        if self.arrives:
            self.events.append(self.arrives)
            self.arrives = None
        return {"results": rows[:limit]}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pull(vendor: Any, stream: Any = EVENTS, position: Any = None) -> list[dict[str, Any]]:
    with vendor.client(Posthog()) as client:
        pages = list(stream.pages(client, position, AS_OF))
    return [json.loads(bytes(record)) for page in pages for record in page.records]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_PAGE", 3)
    monkeypatch.setattr(source, "LARGEST_LIST", 2)


def test_events_of_the_same_moment_are_paged_by_their_uuid(vendor: Any) -> None:
    same = "2026-03-30T10:00:00.123456+00:00"
    vendor.answer = Twin([(same, f"u{i}") for i in range(8)])
    assert [event["uuid"] for event in pull(vendor)] == [f"u{i}" for i in range(8)]


def test_an_event_that_arrives_while_they_are_paged_skips_and_repeats_none(vendor: Any) -> None:
    twin = Twin([(f"2026-03-30T10:00:0{i}+00:00", f"u{i}") for i in range(7)])
    twin.arrives = ("2026-03-30T10:00:01+00:00", "late")
    vendor.answer = twin
    found = [event["uuid"] for event in pull(vendor)]
    assert found == [f"u{i}" for i in range(7)]
    # It lies in the hour that the next night reads again.
    after = {"cursor": "2026-03-30T10:00:06+00:00"}
    assert "late" in [event["uuid"] for event in pull(vendor, position=after)]


def test_times_in_the_zone_of_the_project_land_in_utc(vendor: Any) -> None:
    vendor.answer = Twin([("2026-03-29T03:30:00.5+02:00", "a"), ("2026-03-29T01:30:01Z", "b")] * 2)
    found = pull(vendor)
    assert {event["created_at"] for event in found} == {
        "2026-03-29T01:30:00.500000+00:00",
        "2026-03-29T01:30:01.000000+00:00",
    }


def test_each_query_is_run_anew_and_takes_its_values_beside_its_text(vendor: Any) -> None:
    vendor.answer = Twin([])
    pull(vendor, position={"cursor": "2026-03-30T03:00:00+00:00"})
    (request,) = vendor.requests
    assert request.path == "/api/projects/key/query/"
    assert request.body["refresh"] == "force_blocking"
    assert request.body["query"]["values"] == {"time": "2026-03-30T02:00:00+00:00", "id": ""}
    assert "2026" not in request.body["query"]["query"]


def test_properties_land_as_they_were_sent(vendor: Any) -> None:
    sent = '{"n": 1.50, "big": 12345678901234567890}'
    time = "2026-03-30T10:00:00Z"
    vendor.answer = lambda request: {"results": [["u", "e", "d", time, time, sent]]}
    with vendor.client(Posthog()) as client:
        (page,) = EVENTS.pages(client, None, AS_OF)
    assert sent.encode() in bytes(page.records[0])


def test_an_answer_without_rows_is_no_empty_one(vendor: Any) -> None:
    vendor.answer = lambda request: {"query_status": {"complete": False}}
    with pytest.raises(RetryLater, match="cannot be read"):
        pull(vendor)


def test_persons_are_walked_by_id_and_who_is_merged_is_not_alive(vendor: Any) -> None:
    ids = ["a", "b", "c", "d", "e"]

    def answer(request: Any) -> Any:
        query = request.body["query"]
        limit = int(query["query"].split()[-1])
        found = [id for id in ids if id > query["values"]["id"]][:limit]
        if "properties" not in query["query"]:
            return {"results": [[id] for id in found]}
        return {"results": [[id, "2026-01-01T00:00:00Z", "{}", [id]] for id in found]}

    vendor.answer = answer
    assert [person["id"] for person in pull(vendor, PERSONS)] == ids
    ids.remove("b")
    with vendor.client(Posthog()) as client:
        alive = [key for batch in PERSONS.live_keys(client) for key in batch]
    assert alive == ["a", "c", "d", "e"]


def test_a_day_is_counted_by_arrival(vendor: Any) -> None:
    vendor.answer = lambda request: {"results": [[7]]}
    with vendor.client(Posthog()) as client:
        assert EVENTS.count(client, AS_OF, AS_OF) == 7
    assert "count(distinct uuid)" in vendor.requests[0].body["query"]["query"]


def test_a_connection_without_a_project_says_so(vendor: Any) -> None:
    from rapport.vendors.connections import Connection

    with pytest.raises(ConfigError, match="id of the project"):
        Posthog().client(Connection("posthog", password="k"))

"""Intercom's traps: whole days in a search, merged contacts, parts one call at a time."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.intercom.source import Intercom
from rapport.errors import GiveUp

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
NOON = int(datetime(2026, 3, 30, 12, tzinfo=UTC).timestamp())
DAY = 86_400
STREAMS = {stream.name: stream for stream in Intercom().streams()}


def keys(vendor: Any, stream: str, position: Any = None) -> list[str]:
    with vendor.client(Intercom()) as client:
        return [
            STREAMS[stream].read_key(record).key
            for page in STREAMS[stream].pages(client, position, AS_OF)
            for record in page.records
        ]


def by_calendar_day(contacts: dict[str, int]) -> Any:
    """A search in which "greater than t" begins at the midnight after t."""

    def answer(request: Any) -> Any:
        (condition,) = request.body["query"]["value"]
        assert condition["field"] == "updated_at" and condition["operator"] == ">"
        begins = (int(condition["value"]) // DAY + 1) * DAY
        data = [{"id": i, "updated_at": at} for i, at in contacts.items() if at >= begins]
        return {"type": "list", "data": data, "total_count": len(data), "pages": {}}

    return answer


def test_a_contact_that_changed_later_on_the_day_of_the_watermark_is_not_lost(vendor: Any) -> None:
    vendor.answer = by_calendar_day({"a": NOON - DAY, "b": NOON + 3600, "c": NOON + 2 * 3600})
    assert set(keys(vendor, "contacts", {"cursor": NOON})) >= {"b", "c"}


def test_a_first_pull_asks_for_everything_and_the_version_is_pinned(vendor: Any) -> None:
    vendor.answer = by_calendar_day({"a": 100_000_000})
    assert keys(vendor, "contacts") == ["a"]
    assert vendor.requests[0].headers["Intercom-Version"] == "2.14"


def test_who_was_merged_away_is_not_among_the_living(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        assert request.path == "/contacts"
        if "starting_after" in request.query:
            return {"data": [{"id": "c"}], "pages": {"next": None}}
        return {"data": [{"id": "a"}], "pages": {"next": {"starting_after": "a"}}}

    vendor.answer = answer
    with vendor.client(Intercom()) as client:
        live = [key for batch in STREAMS["contacts"].live_keys(client) for key in batch]
    assert live == ["a", "c"]


def test_each_conversation_is_read_whole_and_a_deleted_one_is_passed_over(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        if request.path == "/conversations/search":
            return {"conversations": [{"id": "1", "updated_at": 5}, {"id": "2", "updated_at": 6}]}
        if request.path == "/conversations/1":
            return 404, {}, {"type": "error.list", "errors": [{"code": "not_found"}]}
        return {"id": "2", "updated_at": 6, "conversation_parts": {"conversation_parts": [1]}}

    vendor.answer = answer
    with vendor.client(Intercom()) as client:
        (page,) = STREAMS["conversations"].pages(client, None, AS_OF)
    assert [b"conversation_parts" in bytes(record) for record in page.records] == [True]


def test_a_limit_that_tells_a_unix_second_and_no_retry_after_is_waited_out(vendor: Any) -> None:
    answers: list[Any] = [
        (429, {"X-RateLimit-Reset": "9"}, {"type": "error.list", "errors": []}),
        {"data": [], "pages": {}},
    ]
    vendor.answer = lambda request: answers.pop(0)
    assert keys(vendor, "contacts") == []
    assert vendor.waits == [pytest.approx(9.0, abs=0.1)]


def test_a_search_that_repeats_its_token_stops(vendor: Any) -> None:
    vendor.answer = lambda request: {
        "data": [{"id": "a", "updated_at": 1}],
        "pages": {"next": {"starting_after": "same"}},
    }
    with pytest.raises(GiveUp, match="pagination loop"):
        keys(vendor, "contacts")


def test_a_day_is_counted_to_the_second_where_greater_means_greater_or_equal(vendor: Any) -> None:
    vendor.answer = lambda request: {"conversations": [], "total_count": 7}
    start, end = datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC)
    with vendor.client(Intercom()) as client:
        assert STREAMS["conversations"].count(client, start, end) == 7
    first, last = vendor.requests[0].body["query"]["value"]
    assert (int(first["value"]), int(last["value"])) == (NOON - 3 * DAY // 2, NOON - DAY // 2 - 1)

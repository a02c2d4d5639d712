"""Typeform's traps: newest first, inclusive to the second, answers that take too long."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.typeform.source import Typeform
from rapport.errors import GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


class Twin:
    """Two forms; `slow_above` is the page size that takes too long."""

    def __init__(self) -> None:
        self.responses = {"f1": self.made("a", 2500), "f2": self.made("b", 3)}
        self.slow_above = 1000

    def made(self, prefix: str, count: int) -> list[dict[str, str]]:
        return [
            {
                "token": f"{prefix}{i}",
                "submitted_at": (FIRST + timedelta(minutes=i)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            for i in range(count)
        ]

    def __call__(self, request: Any) -> Any:
        if request.path == "/forms":
            return {"items": [{"id": form} for form in self.responses], "page_count": 1}
        size = int(request.query["page_size"])
        assert size <= 1000
        assert "sort" not in request.query
        if size > self.slow_above:
            return 499, {}, b""
        rows = self.responses[request.path.split("/")[2]][::-1]
        rows = [r for r in rows if r["submitted_at"] >= request.query.get("since", "")]
        if before := request.query.get("before"):
            rows = rows[[r["token"] for r in rows].index(before) + 1 :]
        return {"items": rows[:size], "total_items": len(rows), "page_count": 1}


def pull(vendor: Any, position: Any = None) -> tuple[list[dict[str, Any]], list[Any]]:
    responses = Typeform().streams()[1]
    with vendor.client(Typeform()) as client:
        pages = list(responses.pages(client, position, AS_OF))
    return [json.loads(r) for p in pages for r in p.records], [p.position for p in pages]


def test_every_response_of_every_form_comes_once_with_its_form(vendor: Any) -> None:
    vendor.answer = Twin()
    records, _ = pull(vendor)
    assert sorted(r["token"] for r in records) == sorted(
        [f"a{i}" for i in range(2500)] + [f"b{i}" for i in range(3)]
    )
    assert all(r["form_id"] == ("f1" if r["token"][0] == "a" else "f2") for r in records)


def test_a_watermark_moves_only_when_the_walk_back_is_complete(vendor: Any) -> None:
    vendor.answer = Twin()
    _, positions = pull(vendor)
    f1 = "2026-01-02T17:39:00+00:00"
    assert positions == [
        None,
        None,
        {"newest": {"f1": f1}},
        {"newest": {"f1": f1, "f2": "2026-01-01T00:02:00+00:00"}},
    ]


def test_the_next_night_brings_what_is_new_or_within_the_lag(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    _, positions = pull(vendor)
    twin.responses["f1"] = twin.made("a", 2510)
    records, again = pull(vendor, positions[-1])
    assert [r["token"] for r in records if r["form_id"] == "f1"] == [
        f"a{i}" for i in range(2509, 2438, -1)
    ]
    assert again[-1]["newest"]["f1"] == "2026-01-02T17:49:00+00:00"


def test_a_form_without_responses_is_read_from_the_beginning_later(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    twin.responses["f2"] = []
    _, positions = pull(vendor)
    assert "f2" not in positions[-1]["newest"]


def test_an_answer_that_takes_too_long_is_asked_for_in_smaller_pages(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    twin.slow_above = 300
    records, _ = pull(vendor)
    assert len({r["token"] for r in records}) == len(records) == 2503


def test_an_answer_that_always_takes_too_long_is_left_for_later(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    twin.slow_above = 0
    with pytest.raises(RetryLater, match="499"):
        pull(vendor)


def test_a_page_that_comes_again_and_again_stops(vendor: Any) -> None:
    twin = Twin()
    full = {"items": twin.responses["f1"][:1000]}
    vendor.answer = lambda r: twin(r) if r.path == "/forms" else full
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor)


def test_an_item_that_is_no_object_is_rejected_and_the_others_land(vendor: Any) -> None:
    twin = Twin()
    items = {"items": [{"token": "x"}, 5]}
    vendor.answer = lambda r: twin(r) if r.path == "/forms" else items
    responses = Typeform().streams()[1]
    with vendor.client(Typeform()) as client:
        page = next(iter(responses.pages(client, None, AS_OF)))
    assert [bytes(r) for r in page.records] == [b'{"form_id":"f1","token": "x"}']
    assert [r.original for r in page.rejected] == [b"5"]


def test_a_response_from_the_future_does_not_hide_those_of_tomorrow(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    twin.responses = {"f1": [{"token": "x", "submitted_at": "2099-01-01T00:00:00Z"}]}
    _, positions = pull(vendor)
    assert positions[-1] == {"newest": {"f1": AS_OF.isoformat()}}

"""Shopify's traps: throttling under status 200, the end of paging, errors that are a success."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.shopify import source
from rapport.connectors.shopify.source import Shopify
from rapport.errors import GiveUp

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
T0 = datetime(2026, 3, 1, tzinfo=UTC)
STREAMS = {stream.name: stream for stream in Shopify().streams()}


def stamp(second: int) -> str:
    return f"{T0 + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"


class Twin:
    """Orders by number with their second of change; no page lies beyond the ceiling."""

    def __init__(self, changed: dict[int, int], ceiling: int) -> None:
        self.changed = changed
        self.ceiling = ceiling

    def __call__(self, request: Any) -> Any:
        variables = request.body["variables"]
        since = re.search(r"updated_at:>='([^']+)'", variables["query"])
        rows = sorted((s, n) for n, s in self.changed.items() if not since or stamp(s) >= since[1])
        start = int(variables["after"] or 0)
        shown = rows[start : min(start + variables["first"], self.ceiling)]
        end = start + len(shown)
        nodes = [{"id": f"gid://shopify/Order/{n}", "updatedAt": stamp(s)} for s, n in shown]
        info = {"hasNextPage": end < min(len(rows), self.ceiling), "endCursor": str(end)}
        return {"data": {"orders": {"nodes": nodes, "pageInfo": info}}}


def keys(vendor: Any, position: Any = None) -> list[str]:
    with vendor.client(Shopify()) as client:
        return [
            STREAMS["orders"].read_key(record).key.rpartition("/")[2]
            for page in STREAMS["orders"].pages(client, position, AS_OF)
            for record in page.records
        ]


def test_more_orders_than_the_end_of_paging_all_come(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FURTHEST", 200)
    vendor.answer = Twin({n: n // 3 for n in range(1, 900)}, ceiling=250)
    assert set(keys(vendor)) == {str(n) for n in range(1, 900)}


def test_the_end_of_paging_is_not_taken_for_the_end(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FURTHEST", 200)
    monkeypatch.setattr(source, "END_OF_PAGING", 250)
    vendor.answer = Twin(dict.fromkeys(range(1, 400), 7), ceiling=250)
    with pytest.raises(GiveUp, match="one second"):
        keys(vendor)


def test_a_refusal_for_cost_under_status_200_is_waited_out(vendor: Any) -> None:
    refused = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    twin, answers = Twin({1: 1}, 250), [refused, refused]
    vendor.answer = lambda request: answers.pop() if answers else twin(request)
    assert keys(vendor) == ["1"]
    assert len(vendor.waits) == 2


def test_a_refusal_under_status_200_that_no_wait_cures_gives_up_with_its_code(vendor: Any) -> None:
    refused = {"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]}
    vendor.answer = lambda request: refused
    with pytest.raises(GiveUp, match="ACCESS_DENIED"):
        keys(vendor)
    assert vendor.waits == []


def test_the_next_night_begins_the_lag_before_the_watermark(vendor: Any) -> None:
    vendor.answer = Twin({1: 0, 2: 3600, 3: 7200}, 250)
    assert keys(vendor, {"cursor": stamp(7200)}) == ["2", "3"]


def test_the_ids_of_the_living_are_walked_without_paging_to_its_end(vendor: Any) -> None:
    ids = list(range(1, 700))

    def answer(request: Any) -> Any:
        variables = request.body["variables"]
        assert variables["after"] is None
        low = int(variables["query"].removeprefix("id:>"))
        rows = [n for n in ids if n > low]
        nodes = [{"id": f"gid://shopify/Customer/{n}"} for n in rows[: variables["first"]]]
        more = len(rows) > variables["first"]
        return {"data": {"customers": {"nodes": nodes, "pageInfo": {"hasNextPage": more}}}}

    vendor.answer = answer
    with vendor.client(Shopify()) as client:
        live = [key for batch in STREAMS["customers"].live_keys(client) for key in batch]
    assert len(live) == len(set(live)) == 699

"""Acquire's traps: two envelopes, a null that is in no window, a list without an order."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.acquire import source
from rapport.connectors.acquire.source import Acquire
from rapport.errors import GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
CONTACTS, CASES = Acquire().streams()
KNOWN = {"cursor": "2026-03-30T03:00:00+00:00"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "CALLS_A_SECOND", 10_000.0)
    monkeypatch.setattr(source, "LARGEST_PAGE", 2)


class Twin:
    """Objects in memory; a null is neither above nor below anything."""

    def __init__(self, *objects: dict[str, Any], envelope: str = "list") -> None:
        self.objects, self.envelope = list(objects), envelope

    def __call__(self, request: Any) -> Any:
        column, operator, value = request.query["where"].split("|")
        assert (column, operator) == ("id", "gt")
        rows = [o for o in self.objects if o["id"] > int(value)]
        rows.sort(key=lambda o: int(o["id"]))
        return {"data": {self.envelope: rows[: int(request.query["limit"])]}}


def keys(vendor: Any, stream: Any, position: Any = None) -> tuple[list[str], Any]:
    found, last = [], position
    with vendor.client(Acquire()) as client:
        for page in stream.pages(client, position, AS_OF):
            found += [stream.read_key(record).key for record in page.records]
            last = page.position or last
    return found, last


def contact(id: int, updated: str | None = None) -> dict[str, Any]:
    return {"id": id, "dateCreated": "2026-03-01T00:00:00.000Z", "dateUpdated": updated}


@pytest.mark.parametrize(("stream", "envelope"), [(CONTACTS, "list"), (CASES, "data")])
def test_each_list_has_an_envelope_of_its_own(vendor: Any, stream: Any, envelope: str) -> None:
    vendor.answer = Twin(*map(contact, (1, 2, 3)), envelope=envelope)
    found, position = keys(vendor, stream)
    assert found == ["1", "2", "3"]
    assert position == {"cursor": AS_OF.isoformat()}


def test_the_envelope_of_the_other_list_is_no_empty_list(vendor: Any) -> None:
    vendor.answer = Twin(contact(1), envelope="data")
    with pytest.raises(RetryLater):
        keys(vendor, CONTACTS)


def test_who_was_never_updated_is_found_by_when_they_were_created(vendor: Any) -> None:
    asked: list[list[str]] = []

    def answer(request: Any) -> Any:
        asked.append([request.query["where"]])
        return {"data": {"list": []}}

    vendor.answer = answer
    _, position = keys(vendor, CONTACTS, KNOWN)
    assert len(asked) == 2
    assert position == {"cursor": AS_OF.isoformat()}


def test_both_windows_are_asked_for_and_nobody_comes_twice(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions, found = [], []
    real = source.Client.json

    def json_of(self: Any, method: str, path: str, **options: Any) -> Any:
        conditions.append(options["params"]["where"][0])
        return real(self, method, path, **options)

    monkeypatch.setattr(source.Client, "json", json_of)
    since = {"cursor": "2025-07-15T03:00:00+00:00"}
    with server.client(Acquire()) as client:
        for page in CONTACTS.pages(client, since, AS_OF):
            found += [json.loads(bytes(record)) for record in page.records]
    assert set(conditions) == {
        "dateUpdated|gte|2025-07-14T03:00:00.000Z",
        "dateCreated|gte|2025-07-14T03:00:00.000Z",
    }
    ids = [contact["id"] for contact in found]
    assert len(ids) == len(set(ids)) > 0
    assert {contact["dateUpdated"] is None for contact in found} == {True, False}


def test_a_walk_that_was_cut_goes_on_and_the_next_night_begins_with_its_first_day(
    vendor: Any,
) -> None:
    vendor.answer = Twin(*map(contact, range(1, 8)))
    cut = {"after": 4, "began": "2026-03-29T03:00:00+00:00"}
    found, position = keys(vendor, CONTACTS, cut)
    assert found == ["5", "6", "7"]
    assert position == {"cursor": "2026-03-29T03:00:00+00:00"}


@pytest.mark.parametrize("ids", [(3, 2), (1, 1), (0, 1)])
def test_pages_out_of_order_stop_the_pull_since_they_would_leave_gaps(
    vendor: Any, ids: tuple[int, ...]
) -> None:
    vendor.answer = lambda request: {"data": {"list": [contact(id) for id in ids]}}
    with pytest.raises(GiveUp, match="pagination loop"):
        keys(vendor, CONTACTS)


def test_the_sweep_asks_for_ids_alone(vendor: Any) -> None:
    vendor.answer = Twin(*map(contact, (1, 2, 3)))
    with vendor.client(Acquire()) as client:
        assert [list(some) for some in CONTACTS.live_keys(client)] == [["1", "2"], ["3"]]
    assert {request.query["select"] for request in vendor.requests} == {"id"}


def test_we_keep_a_limit_where_the_vendor_has_none(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(source, "CALLS_A_SECOND", 5.0)
    vendor.answer = Twin(*map(contact, range(1, 6)))
    with vendor.client(Acquire()) as client:
        client._pace._sleep = waits.append
        list(CONTACTS.pages(client, None, AS_OF))
    assert len(waits) == len(vendor.requests) - 1
    assert sum(waits) > 0.5

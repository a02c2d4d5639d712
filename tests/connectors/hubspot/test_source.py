"""HubSpot's traps: ties, the ceiling, records that change while they are searched, the bin."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.hubspot.source import HubSpot
from rapport.errors import ConfigError, GiveUp

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
T0 = 1_770_000_000_000
OPERATORS = {
    "GTE": lambda a, b: a >= b,
    "GT": lambda a, b: a > b,
    "EQ": lambda a, b: a == b,
}


def iso(milliseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Twin:
    """Contacts by id with their modification time in milliseconds."""

    modified: dict[int, int]
    binned: dict[int, int] = field(default_factory=dict)
    searches: list[Any] = field(default_factory=list)

    def __call__(self, request: Any) -> Any:
        if request.path.endswith("/search"):
            return self.search(request.body)
        assert int(request.query["limit"]) <= 100
        chosen = self.binned if request.query["archived"] == "true" else self.modified
        ids = [i for i in sorted(chosen) if i > int(request.query.get("after", 0))]
        return self.page(ids, 100, chosen, after=lambda rest: rest[99])

    def search(self, body: Any) -> Any:
        assert set(body) == {"filterGroups", "sorts", "properties", "limit", "after"}
        assert body["limit"] <= 200
        assert "email" in body["properties"]
        self.searches.append(body)
        if int(body["after"]) + body["limit"] > 10_000:
            return 400, {}, {"category": "VALIDATION_ERROR"}
        (group,) = body["filterGroups"]
        columns = {"lastmodifieddate": lambda i: self.modified[i], "hs_object_id": lambda i: i}
        ids = [
            i
            for i in self.modified
            if all(
                OPERATORS[f["operator"]](columns[f["propertyName"]](i), int(f["value"]))
                for f in group["filters"]
            )
        ]
        (sort,) = body["sorts"]
        # Ties come in no useful order.
        ids.sort(key=lambda i: (columns[sort["propertyName"]](i), -i))
        start = int(body["after"])
        return self.page(ids[start:], body["limit"], self.modified, after=lambda r: start + 200)

    def page(self, ids: list[int], limit: int, chosen: dict[int, int], after: Any) -> Any:
        results = [
            {"id": str(i), "properties": {"lastmodifieddate": iso(chosen[i])}} for i in ids[:limit]
        ]
        more = {"paging": {"next": {"after": str(after(ids))}}} if len(ids) > limit else {}
        return {"results": results, **more}


def pull(vendor: Any, position: Any = None) -> list[dict[str, Any]]:
    contacts = HubSpot().streams()[0]
    with vendor.client(HubSpot()) as client:
        return [
            json.loads(bytes(record))
            for page in contacts.pages(client, position, AS_OF)
            for record in page.records
        ]


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [int(record["id"]) for record in records]


def test_every_contact_comes_once(vendor: Any) -> None:
    vendor.answer = Twin({i: T0 + i * 7 for i in range(1, 1001)})
    assert sorted(ids(pull(vendor))) == list(range(1, 1001))


def test_more_rows_than_the_ceiling_come(vendor: Any) -> None:
    vendor.answer = Twin({i: T0 + i // 3 for i in range(1, 10_501)})
    found = ids(pull(vendor))
    assert len(found) == len(set(found)) == 10_500


def test_5000_rows_that_share_one_timestamp_all_come_once(vendor: Any) -> None:
    times = {i: T0 + (0 if i < 50 else 1 if i < 5050 else i) for i in range(1, 5200)}
    vendor.answer = Twin(times)
    assert sorted(ids(pull(vendor))) == sorted(times)


def test_more_rows_of_one_timestamp_than_the_ceiling_come(vendor: Any) -> None:
    vendor.answer = Twin(dict.fromkeys(range(1, 10_401), T0))
    found = ids(pull(vendor))
    assert len(found) == len(set(found)) == 10_400


def test_a_contact_that_changes_while_the_search_is_paged_costs_no_other(vendor: Any) -> None:
    twin = Twin({i: T0 + i for i in range(1, 1001)})

    def answer(request: Any) -> Any:
        given = twin(request)
        if len(twin.searches) == 2:
            twin.modified.update({i: T0 + 5000 + i for i in range(1, 40)})
        return given

    vendor.answer = answer
    records = pull(vendor)
    assert set(ids(records)) == set(range(1, 1001))
    latest = {int(r["id"]): r["properties"]["lastmodifieddate"] for r in records}
    assert latest[7] == iso(T0 + 5007)


def test_the_next_night_begins_the_lag_before_the_watermark(vendor: Any) -> None:
    hour = 3_600_000
    vendor.answer = Twin({1: T0 - 2 * hour, 2: T0 - hour // 2, 3: T0, 4: T0 + 1})
    assert ids(pull(vendor, {"cursor": iso(T0)})) == [2, 3, 4]


def test_what_is_in_the_bin_comes_too_and_is_not_gone(vendor: Any) -> None:
    vendor.answer = Twin({1: T0, 2: T0}, binned=dict.fromkeys(range(500, 750), T0))
    assert sorted(ids(pull(vendor))) == [1, 2, *range(500, 750)]
    contacts = HubSpot().streams()[0]
    with vendor.client(HubSpot()) as client:
        live = [int(key) for batch in contacts.live_keys(client) for key in batch]
    assert live == [1, 2, *range(500, 750)]


def test_a_search_that_ignores_where_to_begin_stops(vendor: Any) -> None:
    same = Twin({i: T0 + i for i in range(1, 401)})
    first = same.search(
        {
            "filterGroups": [{"filters": []}],
            "sorts": [{"propertyName": "lastmodifieddate"}],
            "properties": ["email"],
            "limit": 200,
            "after": "0",
        }
    )
    vendor.answer = lambda request: first
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor)
    assert len(vendor.requests) < 10


def test_a_list_that_repeats_its_token_stops(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        if request.path.endswith("/search"):
            return {"results": []}
        return {"results": [{"id": "1"}], "paging": {"next": {"after": "same"}}}

    vendor.answer = answer
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor)


def test_further_properties_are_asked_for_and_unknown_objects_refused() -> None:
    contacts = HubSpot({"properties": {"contacts": ["loyalty_tier"]}}).streams()[0]
    assert "loyalty_tier" in contacts.properties  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="no objects contact"):
        HubSpot({"properties": {"contact": []}})


def test_survey_answers_are_asked_for_only_where_the_account_has_them(vendor: Any) -> None:
    quiet = {stream.name: stream for stream in HubSpot().streams()}["feedback_submissions"]
    with vendor.client(HubSpot()) as client:
        assert list(quiet.pages(client, None, AS_OF)) == []
    assert vendor.requests == []
    asked = {s.name: s for s in HubSpot({"feedback_submissions": True}).streams()}
    vendor.answer = lambda request: {"results": []}
    with vendor.client(HubSpot()) as client:
        list(asked["feedback_submissions"].pages(client, None, AS_OF))
    assert {request.path for request in vendor.requests} == {
        "/crm/v3/objects/feedback_submissions/search",
        "/crm/v3/objects/feedback_submissions",
    }


def test_a_link_that_moves_no_modification_time_is_still_seen(vendor: Any) -> None:
    links = {s.name: s for s in HubSpot().streams()}["deal_associations"]
    deal = {"id": "7", "associations": {"contacts": {"results": [{"id": "1", "type": "x"}]}}}
    vendor.answer = lambda request: {"results": [deal]}
    with vendor.client(HubSpot()) as client:
        first = [bytes(r) for page in links.pages(client, None, AS_OF) for r in page.records]
        deal["associations"]["contacts"]["results"][0]["id"] = "2"  # type: ignore[index]
        again = [bytes(r) for page in links.pages(client, None, AS_OF) for r in page.records]
    assert b'"1"' in first[0] and b'"2"' in again[0]
    assert vendor.requests[0].query["associations"] == "contacts,companies"

"""Stripe's traps: no filter for changes, events that end, what was cancelled or deleted."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rapport.connectors.stripe import source
from rapport.connectors.stripe.source import Stripe

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
NOW = int(AS_OF.timestamp())
STREAMS = {stream.name: stream for stream in Stripe().streams()}


@dataclass
class Twin:
    """Objects by id, newest first in a list; events as (unix seconds, type, id)."""

    objects: dict[str, dict[str, Any]]
    events: list[tuple[int, str, str, str]] = field(default_factory=list)
    between: Any = None

    def __call__(self, request: Any) -> Any:
        path, query = request.path, request.query
        if path == "/v1/events":
            rows = [
                {"id": f"evt_{at}_{id}", "type": kind, "data": {"object": {"id": id, "object": o}}}
                for at, kind, o, id in sorted(self.events, reverse=True)
                if at >= int(query["created[gte]"])
            ]
            return self.page(rows, query)
        if path.count("/") == 3:
            body = self.objects.get(path.rpartition("/")[2])
            return body or (404, {}, {"error": {"code": "resource_missing"}})
        rows = [body for _, body in sorted(self.objects.items(), reverse=True)]
        answer = self.page([row for row in rows if "deleted" not in row], query)
        if self.between:
            self.between()
            self.between = None
        return answer

    def page(self, rows: list[Any], query: dict[str, str]) -> Any:
        ids = [row["id"] for row in rows]
        start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
        size = int(query["limit"])
        return {"data": rows[start : start + size], "has_more": len(rows) > start + size}


def customers(*numbers: int) -> dict[str, dict[str, Any]]:
    return {f"cus_{n:04d}": {"id": f"cus_{n:04d}", "object": "customer"} for n in numbers}


def pull(vendor: Any, stream: str, position: Any = None) -> tuple[list[dict[str, Any]], Any]:
    records, last = [], position
    with vendor.client(Stripe()) as client:
        for page in STREAMS[stream].pages(client, position, AS_OF):
            records += [json.loads(bytes(record)) for record in page.records]
            last = page.position or last
    return records, last


def test_the_first_pull_walks_the_list_and_remembers_when_it_began(vendor: Any) -> None:
    vendor.answer = Twin(customers(*range(250)))
    records, position = pull(vendor, "customers")
    assert len({record["id"] for record in records}) == 250
    assert position == {"since": NOW}


def test_a_walk_that_was_cut_short_goes_on_and_still_sees_what_changed_since(vendor: Any) -> None:
    twin = Twin(customers(*range(250)))
    twin.objects["cus_0249"]["name"] = "New"
    began = NOW - 86_400
    twin.events = [(began + 60, "customer.updated", "customer", "cus_0249")]
    vendor.answer = twin
    records, position = pull(vendor, "customers", {"walked_to": "cus_0100", "since": began})
    assert len(records) == 101
    assert records[-1] == {"id": "cus_0249", "object": "customer", "name": "New"}
    assert position == {"since": NOW}


def test_a_change_is_read_once_as_it_is_now_however_many_events_it_had(vendor: Any) -> None:
    twin = Twin(customers(1, 2))
    twin.objects["cus_0001"]["name"] = "Latest"
    twin.events = [(NOW - n, "customer.updated", "customer", "cus_0001") for n in range(1, 150)]
    vendor.answer = twin
    records, _ = pull(vendor, "customers", {"since": NOW - 86_400})
    assert records == [{"id": "cus_0001", "object": "customer", "name": "Latest"}]


def test_an_object_that_appears_while_the_list_is_walked_comes_the_next_night(vendor: Any) -> None:
    twin = Twin(customers(*range(150)))
    twin.between = lambda: twin.objects.update(customers(900))
    vendor.answer = twin
    records, position = pull(vendor, "customers")
    assert "cus_0900" not in {record["id"] for record in records}
    twin.events = [(position["since"] - 5, "customer.created", "customer", "cus_0900")]
    records, _ = pull(vendor, "customers", {"since": position["since"] - 60})
    assert [record["id"] for record in records] == ["cus_0900"]


def test_a_deleted_customer_lands_as_deleted(vendor: Any) -> None:
    gone = {"id": "cus_0001", "object": "customer", "deleted": True}
    events = [(NOW - 60, "customer.deleted", "customer", "cus_0001")]
    vendor.answer = Twin({"cus_0001": gone}, events)
    assert pull(vendor, "customers", {"since": NOW - 86_400})[0] == [gone]


def test_events_about_other_objects_of_the_same_name_are_passed_over(vendor: Any) -> None:
    events = [(NOW - 60, "customer.subscription.updated", "subscription", "sub_1")]
    vendor.answer = Twin(customers(1), events)
    assert pull(vendor, "customers", {"since": NOW - 86_400})[0] == []


def test_after_more_than_thirty_days_the_list_is_walked_again(vendor: Any) -> None:
    vendor.answer = Twin(customers(1, 2, 3))
    since = int((AS_OF - timedelta(days=31)).timestamp())
    records, position = pull(vendor, "customers", {"since": since})
    assert len(records) == 3
    assert position == {"since": NOW}


def test_cancelled_subscriptions_are_asked_for(vendor: Any) -> None:
    vendor.answer = Twin({})
    pull(vendor, "subscriptions")
    assert vendor.requests[0].query["status"] == "all"
    assert vendor.requests[0].headers["Stripe-Version"] == source.VERSION

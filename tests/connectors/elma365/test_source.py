"""ELMA365's traps: a 200 that failed, deleted items apart, fields that are called otherwise."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.elma365 import source as elma365
from rapport.connectors.elma365.source import Elma365
from rapport.errors import ConfigError, GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
OPTIONS = {
    "contacts": {
        "namespace": "crm",
        "code": "people",
        "fields": {"user_id": "login", "birth_date": "born"},
    },
    "requests": {
        "namespace": "desk",
        "code": "asks",
        "closed": [3],
        "pending": [2],
        "fields": {"contact": "who", "rating": "csi"},
    },
}


class Twin:
    """Items in memory; `active` false lists all of them, and one may change between two pages."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = list(items)
        self.after_page: Any = None

    def __call__(self, request: Any) -> Any:
        body = request.body
        field = body["sortExpressions"][0]["field"]
        rows = [i for i in self.items if not (body["active"] and i.get("__deletedAt"))]
        for name, span in body.get("filter", {}).get("tf", {}).items():
            since = datetime.fromisoformat(span["min"])
            rows = [i for i in rows if i.get(name) and datetime.fromisoformat(i[name]) >= since]
        rows.sort(key=lambda i: (i.get(field) or "9", i["__id"]))
        page = [dict(row) for row in rows[body["from"] : body["from"] + body["size"]]]
        if self.after_page:
            self.after_page()
        return {"success": True, "error": "", "result": {"result": page, "total": len(rows)}}


def item(number: int, minute: int, **more: Any) -> dict[str, Any]:
    return {"__id": f"i{number:03d}", "__updatedAt": f"2026-03-30T10:{minute:02d}:00Z", **more}


def pull(vendor: Any, stream: int = 0, position: Any = None) -> tuple[list[Any], Any]:
    source, records, last = Elma365(OPTIONS), [], position
    with vendor.client(source) as client:
        for page in source.streams()[stream].pages(client, position, AS_OF):
            records += [json.loads(bytes(record)) for record in page.records]
            last = page.position or last
    return records, last


def test_namespace_and_code_come_from_the_options_and_every_call_is_a_post(vendor: Any) -> None:
    vendor.answer = Twin()
    pull(vendor, 1)
    assert {(r.method, r.path) for r in vendor.requests} == {("POST", "/pub/v1/app/desk/asks/list")}


def test_a_200_that_says_it_failed_is_tried_again_and_never_an_empty_page(vendor: Any) -> None:
    vendor.answer = lambda request: {"success": False, "error": "busy", "result": {"result": []}}
    with pytest.raises(RetryLater):
        pull(vendor)
    assert len(vendor.requests) == 6


def test_deleted_items_come_in_a_walk_of_their_own(vendor: Any) -> None:
    gone = item(2, 5, __deletedAt="2026-03-30T10:05:00Z")
    vendor.answer = Twin(item(1, 1), gone, item(3, 9))
    records, position = pull(vendor)
    assert [record["__id"] for record in records] == ["i001", "i003", "i002"]
    assert position == {"cursor": "2026-03-30T10:09:00+00:00", "deleted": AS_OF.isoformat()}


def test_a_night_that_was_cut_between_the_walks_still_finds_what_was_deleted(vendor: Any) -> None:
    gone = item(2, 5, __deletedAt="2026-03-29T10:05:00Z")
    vendor.answer = Twin(item(1, 59), gone)
    cut = {"cursor": "2026-03-30T10:59:00+00:00", "deleted": "2026-03-29T03:00:00+00:00"}
    records, _ = pull(vendor, 0, cut)
    assert [record["__id"] for record in records] == ["i001", "i002"]


def test_an_item_that_changes_while_we_page_hides_nobody(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elma365, "LARGEST_PAGE", 2)
    twin = Twin(*[item(number, number) for number in range(1, 8)])

    def change() -> None:
        twin.items[0]["__updatedAt"] = "2026-03-30T10:50:00Z"
        twin.after_page = None

    twin.after_page, vendor.answer = change, twin
    assert {record["__id"] for record in pull(vendor)[0]} == {f"i{n:03d}" for n in range(1, 8)}


def test_more_items_of_one_moment_than_a_page_are_all_read(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elma365, "LARGEST_PAGE", 2)
    vendor.answer = Twin(*[item(number, 7) for number in range(5)], item(9, 8))
    assert sorted(record["__id"] for record in pull(vendor)[0]) == [
        "i000", "i001", "i002", "i003", "i004", "i009"
    ]  # fmt: skip


def test_a_page_that_comes_again_and_again_ends(
    vendor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elma365, "LARGEST_PAGE", 1)
    page = {"success": True, "result": {"result": [item(1, 1)]}}
    vendor.answer = lambda request: page
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor)


def test_fields_are_named_as_we_name_them_and_the_record_stays_as_it_was(vendor: Any) -> None:
    sent = item(
        1, 1, login="u_1", born="1980-12-24T00:00:00Z", __name="Anna",
        _phone=[{"type": "work", "tel": "+4930"}],
        _email=[{"type": "main", "email": "a@example.com"}, {"email": "b@example.com"}],
    )  # fmt: skip
    vendor.answer = Twin(sent)
    ((record, *_), _) = pull(vendor)
    assert record.pop("rapport") == {
        "emails": ["a@example.com", "b@example.com"],
        "phones": ["+4930"],
        "name": "Anna",
        "user_id": "u_1",
        "birth_date": "1980-12-24T00:00:00Z",
    }
    assert record == sent


@pytest.mark.parametrize(("number", "status"), [(1, "open"), (2, "pending"), (3, "closed")])
def test_a_status_is_a_number_that_only_the_company_can_read(
    vendor: Any, number: int, status: str
) -> None:
    vendor.answer = Twin(item(1, 1, who=["c1"], csi=4, __status={"order": 0, "status": number}))
    meant = pull(vendor, 1)[0][0]["rapport"]
    assert (meant["status"], meant["contacts"], meant["rating"]) == (status, ["c1"], 4)


def test_without_an_app_nothing_is_asked_and_it_says_so(vendor: Any) -> None:
    assert [stream.name for stream in Elma365().streams()] == ["contacts", "requests"]
    with pytest.raises(ConfigError, match="name the app"):
        vendor.client(Elma365())
    with pytest.raises(ConfigError, match="requests"):
        Elma365({"requests": {"code": "x"}})

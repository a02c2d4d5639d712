"""Nextiva's traps: a login that says where, milliseconds, lists that move, 5xx that mean slower."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.nextiva import source as nextiva
from rapport.connectors.nextiva.source import Nextiva
from rapport.errors import GiveUp, RetryLater
from rapport.vendors.pace import SLOWEST, Pace

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
(WORKITEMS,) = Nextiva().streams()
KNOWN = {"cursor": "2026-03-30T03:00:00+00:00"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nextiva, "CALLS_A_SECOND", 10_000.0)
    monkeypatch.setattr(nextiva, "LARGEST_PAGE", 7)


def keys(vendor: Any, position: Any = None, **options: Any) -> list[str]:
    source = Nextiva(options)
    with vendor.client(source) as client:
        return [
            WORKITEMS.read_key(record).key
            for page in source.streams()[0].pages(client, position, AS_OF)
            for record in page.records
        ]


def test_every_call_after_the_login_goes_to_the_location(server: Any) -> None:
    assert keys(server)
    paths = [asked["path"] for asked in server.recorder.requests]
    assert paths[0] == "/nextiva/provider/token-with-authorities"
    assert set(paths[1:]) == {"/nextiva/cluster7/data/api/types/workitem"}
    assert len(paths) > 2


def test_a_location_may_be_a_bare_host(server: Any) -> None:
    server.recorder.gate.limits.options["nextiva"] = {"bare_location": 1}
    assert keys(server)


@pytest.mark.parametrize(
    ("scheme", "sent"), [("Bearer", "Bearer demo-token-0"), ("", "demo-token-0")]
)
def test_the_word_before_the_token_is_a_setting(server: Any, scheme: str, sent: str) -> None:
    assert keys(server, scheme=scheme)
    assert {a["headers"]["authorization"] for a in server.recorder.requests[1:]} == {sent}


def test_a_token_that_ends_in_the_middle_is_fetched_anew(server: Any) -> None:
    whole, found = keys(server), []
    server.recorder.requests.clear()
    with server.client(Nextiva()) as client:
        for page in WORKITEMS.pages(client, None, AS_OF):
            found += [WORKITEMS.read_key(record).key for record in page.records]
            server.recorder.gate.limits.options["nextiva"] = {"ended": 1}
    assert found == whole
    logins = [a for a in server.recorder.requests if a["path"].endswith("authorities")]
    assert len(logins) == 2


def test_a_password_that_is_wrong_is_asked_once_and_goes_nowhere_else(server: Any) -> None:
    wrong = replace(server.recorder.connection("nextiva"), password="wr0ng")
    with Nextiva().client(wrong) as client, pytest.raises(GiveUp, match="401"):
        list(WORKITEMS.pages(client, None, AS_OF))
    assert len(server.recorder.requests) == 1


@pytest.mark.parametrize("answer", [{"token": "t"}, {"location": "x"}, [], b"<html>"])
def test_a_login_that_says_not_where_is_not_taken_for_an_empty_list(
    vendor: Any, answer: Any
) -> None:
    vendor.answer = lambda request: answer
    with pytest.raises(RetryLater):
        keys(vendor)


def test_a_token_is_not_sent_to_a_place_that_is_less_safe_than_the_login() -> None:
    import httpx

    login = nextiva.Login("https://login.example.com", "a", "b", "Bearer", Pace(1, 1.0))
    flow = login.auth_flow(httpx.Request("GET", "https://login.example.com/data"))
    next(flow)
    unsafe = b'{"location": "http://elsewhere.example.com", "token": "t"}'
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(200, content=unsafe))


def test_times_are_asked_for_in_milliseconds_and_the_query_is_the_companys(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        if request.path.endswith("authorities"):
            return {"location": vendor.url, "token": "t"}
        return {"count": 0, "total": 0, "objects": []}

    vendor.answer = answer
    keys(vendor, KNOWN)
    keys(vendor, KNOWN, since="")
    asked = [r.query.get("q") for r in vendor.requests if r.path.endswith("workitem")]
    assert asked == ["modifiedAt:[1774753200000 TO *]", None]


def test_a_row_that_moved_to_an_earlier_page_is_found_in_a_second_walk(vendor: Any) -> None:
    ids = [f"w{number:02d}" for number in range(20)]

    def answer(request: Any) -> Any:
        if request.path.endswith("authorities"):
            return {"location": vendor.url, "token": "t"}
        start, rows = int(request.query["start"]), int(request.query["rows"])
        found = [{"_id": id} for id in ids[start : start + rows]]
        if start == 7 and ids[0] == "w00":
            ids.append(ids.pop(0))
        return {"count": len(found), "total": len(ids), "objects": found}

    vendor.answer = answer
    found = keys(vendor)
    assert sorted(found) == sorted(ids)
    assert len(found) == len(set(found))


def test_each_5xx_halves_the_pace(server: Any) -> None:
    server.recorder.fault("nextiva", "500", route="/cluster7/*", times=2)
    with server.client(Nextiva()) as client:
        before = client._pace._interval
        list(WORKITEMS.pages(client, None, AS_OF))
        assert client._pace._interval == pytest.approx(4 * before)
    assert server.waits
    pace = Pace(1, 60.0)
    pace.slow()
    assert pace._interval == pytest.approx(60 / 0.98)
    pace = Pace(1, 9.0)
    pace.slow()
    assert pace._interval == SLOWEST

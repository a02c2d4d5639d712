"""Planned misbehaviour, rate limits, and the count of calls."""

import email.utils
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from rapport_sandbox.faults import KINDS, STATUS_KINDS, Plan
from rapport_sandbox.limits import Limits

READ = ("amplitude", "hubspot", "intercom", "typeform", "zendesk")
CONTACTS = "/crm/v3/objects/contacts"
TICKETS = "/api/v2/incremental/tickets/cursor"


@pytest.fixture
def plan(client: Any) -> Callable[..., Any]:
    return lambda vendor, kind, **more: client.post(
        "/_sandbox/faults", {"vendor": vendor, "kind": kind, **more}
    )


@pytest.mark.parametrize("kind", sorted(STATUS_KINDS))
@pytest.mark.parametrize("name", READ)
def test_a_status_fault_hits_once_in_the_shape_of_the_vendor(
    name: str, kind: str, plan: Callable, vendor: Callable, reads: dict
) -> None:
    plan(name, kind)
    path, params = reads[name]
    first, second = vendor(name).get(path, **params), vendor(name).get(path, **params)
    assert (first.status_code, second.status_code) == (STATUS_KINDS[kind], 200)
    marks = {
        "hubspot": "correlationId",
        "zendesk": "error",
        "typeform": "code",
        "amplitude": "error",
        "intercom": "request_id",
    }
    assert marks[name] in first.json()
    waits = kind in ("429", "503") and name != "intercom"
    assert ("retry-after" in first.headers) is waits


def test_a_429_says_what_each_vendor_says(plan: Callable, vendor: Callable, reads: dict) -> None:
    for name, path, params in ((n, *reads[n]) for n in reads):
        plan(name, "429", retry_after=7)
        answer = vendor(name).get(path, **params)
        if name == "intercom":
            assert answer.json()["errors"][0]["code"] == "rate_limit_exceeded"
            assert answer.headers["x-ratelimit-remaining"] == "0"
            assert int(answer.headers["x-ratelimit-reset"]) > 1_700_000_000
        else:
            assert answer.headers["retry-after"] == "7"
    plan("hubspot", "429")
    body = vendor("hubspot").get(CONTACTS).json()
    assert (body["errorType"], body["status"]) == ("RATE_LIMIT", "error")


def test_retry_after_can_be_a_date(plan: Callable, hubspot: Any) -> None:
    plan("hubspot", "429", retry_after=30, retry_after_style="date")
    answer = hubspot.get(CONTACTS)
    assert email.utils.parsedate_to_datetime(answer.headers["retry-after"])


def test_intercom_sends_its_limits_with_every_answer_but_not_to_strangers(intercom: Any) -> None:
    assert intercom.get("/contacts").headers["x-ratelimit-limit"] == "10000"
    stranger = intercom("GET", "/contacts", headers={})
    assert "x-ratelimit-limit" not in stranger.headers


def test_a_page_for_people_comes_with_200(plan: Callable, typeform: Any) -> None:
    plan("typeform", "html")
    answer = typeform.get("/forms")
    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")


def test_cut_json_does_not_parse(plan: Callable, hubspot: Any) -> None:
    plan("hubspot", "cut_json")
    answer = hubspot.get(CONTACTS)
    assert answer.status_code == 200
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.content)


def test_cut_body_promises_more_than_it_sends(plan: Callable, amplitude: Any, reads: dict) -> None:
    plan("amplitude", "cut_body")
    path, params = reads["amplitude"]
    answer = amplitude.get(path, **params)
    assert int(answer.headers["content-length"]) > len(answer.content)


def test_a_write_can_be_done_and_denied(plan: Callable, intercom: Any) -> None:
    plan("intercom", "500_after", route="/contacts")
    body = {"external_id": "c_1", "email": "new@example.com"}
    assert intercom.post("/contacts", body).status_code == 500
    assert intercom.get("/contacts/find_by_external_id/c_1").status_code == 200


def test_a_token_can_repeat_itself(plan: Callable, hubspot: Any, zendesk: Any) -> None:
    first = hubspot.get(CONTACTS).json()["paging"]["next"]["after"]
    plan("hubspot", "repeat_token")
    assert hubspot.get(CONTACTS, after=first).json()["paging"]["next"]["after"] == first
    cursor = zendesk.get(TICKETS, start_time=0, per_page=10).json()["after_cursor"]
    plan("zendesk", "repeat_token")
    page = zendesk.get(TICKETS, cursor=cursor, per_page=10).json()
    assert (page["after_cursor"], page["end_of_stream"]) == (cursor, False)


def test_typeform_shows_the_same_page_again(plan: Callable, typeform: Any) -> None:
    path = "/forms/NpsQ1abc/responses"
    first = typeform.get(path, page_size=5).json()["items"]
    plan("typeform", "repeat_token")
    again = typeform.get(path, page_size=5, before=first[-1]["token"]).json()["items"]
    assert [item["token"] for item in again] == [item["token"] for item in first]


def test_intercom_can_repeat_its_token(plan: Callable, intercom: Any) -> None:
    token = intercom.get("/contacts", per_page=2).json()["pages"]["next"]["starting_after"]
    plan("intercom", "repeat_token")
    page = intercom.get("/contacts", per_page=2, starting_after=token).json()
    assert page["pages"]["next"]["starting_after"] == token


def test_a_shifted_page_repeats_a_row_and_loses_none(plan: Callable, hubspot: Any) -> None:
    first = hubspot.get(CONTACTS).json()
    after = first["paging"]["next"]["after"]
    healthy = hubspot.get(CONTACTS, after=after).json()
    plan("hubspot", "shift_page")
    shifted = hubspot.get(CONTACTS, after=after).json()
    ids = [row["id"] for row in shifted["results"]]
    assert ids == [first["results"][-1]["id"], *[row["id"] for row in healthy["results"]][:9]]
    assert shifted["paging"]["next"]["after"] == ids[-1]


@pytest.mark.parametrize("name", READ)
def test_a_source_can_suddenly_be_empty(
    name: str, plan: Callable, vendor: Callable, reads: dict
) -> None:
    plan(name, "empty")
    path, params = reads[name]
    answer = vendor(name).get(path, **params)
    if name == "amplitude":
        assert answer.status_code == 404
        return
    rows = next(value for value in answer.json().values() if isinstance(value, list))
    assert rows == []


def test_a_record_can_claim_the_far_future(
    plan: Callable, hubspot: Any, zendesk: Any, typeform: Any, intercom: Any, amplitude: Any
) -> None:
    plan("*", "far_future_cursor", times=9)
    assert hubspot.get(CONTACTS).json()["results"][0]["updatedAt"].startswith("2099")
    assert zendesk.get(TICKETS, start_time=0).json()["tickets"][0]["updated_at"].startswith("2099")
    responses = typeform.get("/forms/NpsQ1abc/responses").json()["items"]
    assert responses[0]["submitted_at"].startswith("2099")
    assert intercom.get("/contacts").json()["data"][0]["updated_at"] > 4e9


def test_faults_wait_count_and_choose_their_route(plan: Callable, hubspot: Any) -> None:
    plan("hubspot", "500", route="*/companies", after=1, times=2)
    codes = [hubspot.get("/crm/v3/objects/companies").status_code for _ in range(5)]
    assert codes == [200, 500, 500, 200, 200]
    assert hubspot.get(CONTACTS).status_code == 200


def test_a_share_of_calls_fails_the_same_way_each_time() -> None:
    def run() -> list[bool]:
        plan = Plan()
        plan.add({"vendor": "*", "kind": "503", "share": 0.3, "seed": 5})
        return [plan.next("zendesk", "/a", "/a") is not None for _ in range(500)]

    assert run() == run()
    assert 100 < sum(run()) < 200


def test_faults_can_be_listed_and_cleared(plan: Callable, client: Any, hubspot: Any) -> None:
    plan("hubspot", "500", times=100)
    assert client.get("/_sandbox/faults")["faults"][0]["kind"] == "500"
    client.delete("/_sandbox/faults")
    assert hubspot.get(CONTACTS).status_code == 200


def test_an_unknown_kind_is_refused(client: Any) -> None:
    answer = client.request("POST", "/_sandbox/faults", json={"vendor": "hubspot", "kind": "rain"})
    assert answer.status_code == 400
    assert all(kind in answer.json()["error"] for kind in KINDS)


def test_limits_are_generous_until_enforced_and_then_on_a_clock_of_their_own(
    client: Any, zendesk: Any
) -> None:
    params = {"start_time": 0, "per_page": 1}
    assert {zendesk.get(TICKETS, **params).status_code for _ in range(15)} == {200}
    client.post("/_sandbox/limits", {"vendor": "zendesk", "enforce": True})
    codes = [zendesk.get(TICKETS, **params).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]
    assert 50 <= int(zendesk.get(TICKETS, **params).headers["retry-after"]) <= 60
    client.post("/_sandbox/limits", {"vendor": "zendesk", "advance": 61})
    assert zendesk.get(TICKETS, **params).status_code == 200


def test_a_limit_can_be_set_by_hand_and_taken_away(client: Any, hubspot: Any) -> None:
    client.post("/_sandbox/limits", {"vendor": "hubspot", "requests": 1, "seconds": 100})
    assert [hubspot.get(CONTACTS).status_code for _ in range(2)] == [200, 429]
    client.delete("/_sandbox/limits")
    assert hubspot.get(CONTACTS).status_code == 200


def test_a_window_slides() -> None:
    limits = Limits()
    limits.now = lambda: moment[0]  # type: ignore[method-assign]
    moment = [0.0]
    limits.enforce("x", [("*", 2, 10.0)])
    assert [limits.take("x", "/"), limits.take("x", "/"), limits.take("x", "/")] == [0, 0, 10]
    moment[0] = 10.5
    assert limits.take("x", "/") == 0


def test_calls_are_counted_by_path_template_and_writes_apart(client: Any, intercom: Any) -> None:
    intercom.get("/contacts")
    intercom.post("/contacts/search", {"query": {"field": "role", "operator": "=", "value": "x"}})
    assert client.get("/_sandbox/calls")["writes"] == {"intercom": 0}
    made = intercom.post("/contacts", {"email": "new@example.com"}).json()
    intercom.get(f"/contacts/{made['id']}")
    counted = client.get("/_sandbox/calls")
    assert counted["writes"] == {"intercom": 1}
    assert counted["calls"]["intercom"] == {
        "GET /contacts": 1,
        "GET /contacts/{id}": 1,
        "POST /contacts": 1,
        "POST /contacts/search": 1,
    }
    client.post("/_sandbox/reset-calls")
    assert client.get("/_sandbox/calls")["calls"] == {}


def test_a_path_that_no_vendor_has_is_remembered(client: Any, hubspot: Any) -> None:
    assert hubspot.get("/crm/v9/objects").status_code == 404
    kept = client.get("/_sandbox/violations")["violations"]
    assert [row["kind"] for row in kept] == ["unknown_path"]

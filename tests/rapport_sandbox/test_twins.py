"""Each vendor's traps, as its double sets them."""

import gzip
import io
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rapport_sandbox import clock
from rapport_sandbox.company import DATABASE, Company, next_night
from rapport_sandbox.credentials import connection_of
from rapport_sandbox.doubles import by_vendor, logins

READ = ("amplitude", "hubspot", "intercom", "typeform", "zendesk")

EVERYTHING: dict[str, Any] = {
    "filterGroups": [
        {"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": "0"}]}
    ],
    "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
    "properties": ["email"],
    "limit": 200,
    "after": "0",
}


def since(moment: int) -> dict[str, Any]:
    """A search for contacts that changed at `moment` or later."""
    found = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(moment)}
    sort = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    return {**EVERYTHING, "filterGroups": [{"filters": [found]}], "sorts": sort}


def stored(root: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(root / DATABASE)) as database:
        return database.execute(sql).fetchall()


def change(root: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(root / DATABASE)) as database, database:
        database.execute(sql, values)


def test_every_vendor_has_a_login_and_a_double(reads: dict) -> None:
    assert by_vendor().keys() == logins().keys() >= reads.keys()
    found = connection_of("hubspot", "http://here", logins()["hubspot"])
    assert found["host"] == "http://here/hubspot"


@pytest.mark.parametrize("name", sorted(READ))
def test_a_wrong_login_is_refused(name: str, vendor: Callable, reads: dict) -> None:
    path, params = reads[name]
    double = vendor(name)
    assert double("GET", path, params=params).status_code == 200
    refused = double("GET", path, params=params, headers={"Authorization": "Bearer x"}, auth=None)
    assert refused.status_code == 401
    assert logins()[name]["password"] not in refused.text


# HubSpot


def walk(hubspot: Any, kind: str, **params: Any) -> list[dict]:
    found, after = [], None
    while True:
        paging = {"after": after} if after else {}
        page = hubspot.get(f"/crm/v3/objects/{kind}", **params, **paging).json()
        found += page["results"]
        if "paging" not in page:
            return found
        after = page["paging"]["next"]["after"]


def test_the_list_walks_every_object_once(hubspot: Any, root: Path) -> None:
    for kind in ("contacts", "companies", "deals"):
        ids = [row["id"] for row in walk(hubspot, kind, limit=100)]
        sql = f"select count(*) from hubspot_{kind} where not is_archived"
        assert len(ids) == len(set(ids)) == stored(root, sql)[0][0] > 0
    assert walk(hubspot, "0-3", limit=100) == walk(hubspot, "deals", limit=100)


def test_a_page_has_ten_rows_unless_told_and_never_more_than_a_hundred(hubspot: Any) -> None:
    assert len(hubspot.get("/crm/v3/objects/contacts").json()["results"]) == 10
    refused = hubspot.get("/crm/v3/objects/contacts", limit=101)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


def test_only_named_properties_come_back_and_unknown_names_are_passed_over(hubspot: Any) -> None:
    plain = hubspot.get("/crm/v3/objects/contacts", limit=1).json()["results"][0]
    assert "phone" not in plain["properties"]
    named = hubspot.get("/crm/v3/objects/contacts", limit=1, properties="phone,nonsense").json()
    assert "phone" in named["results"][0]["properties"]
    assert "nonsense" not in named["results"][0]["properties"]


def test_archived_contacts_come_only_in_a_second_pass(hubspot: Any) -> None:
    living = {row["id"] for row in walk(hubspot, "contacts", limit=100)}
    archived = walk(hubspot, "contacts", limit=100, archived="true")
    assert archived
    assert all(row["archived"] and row["archivedAt"] for row in archived)
    assert not living & {row["id"] for row in archived}
    searched = hubspot.post("/crm/v3/objects/contacts/search", since(0)).json()
    assert searched["total"] == len(living)


@pytest.mark.parametrize("field", sorted(EVERYTHING))
def test_search_wants_all_five_fields(field: str, hubspot: Any) -> None:
    body = {key: value for key, value in EVERYTHING.items() if key != field}
    refused = hubspot.post("/crm/v3/objects/contacts/search", body)
    assert refused.status_code == 400
    assert field in refused.json()["message"]


def test_search_ends_at_its_ceiling_as_if_that_were_all(hubspot: Any, client: Any) -> None:
    client.post("/_sandbox/limits", {"vendor": "hubspot", "options": {"search_ceiling": 250}})
    first = hubspot.post("/crm/v3/objects/contacts/search", EVERYTHING).json()
    assert first["total"] > 250
    last = hubspot.post("/crm/v3/objects/contacts/search", {**EVERYTHING, "after": "200"}).json()
    assert len(last["results"]) == 50
    assert "paging" not in last
    beyond = hubspot.post("/crm/v3/objects/contacts/search", {**EVERYTHING, "after": "250"})
    assert beyond.status_code == 400


def test_a_ceiling_is_ten_thousand_by_default(hubspot: Any) -> None:
    at = hubspot.post("/crm/v3/objects/contacts/search", {**EVERYTHING, "after": "9999"})
    over = hubspot.post("/crm/v3/objects/contacts/search", {**EVERYTHING, "after": "10000"})
    assert (at.status_code, over.status_code) == (200, 400)


def test_search_filters_by_the_time_of_change(hubspot: Any, root: Path) -> None:
    as_of = Company.load(root).as_of
    next_night(root)
    found = hubspot.post("/crm/v3/objects/contacts/search", since(as_of)).json()
    assert 0 < found["total"] < 60
    assert all(r["properties"]["lastmodifieddate"] >= clock.iso(as_of) for r in found["results"])


def test_search_does_not_see_the_last_seconds_but_the_list_does(hubspot: Any, root: Path) -> None:
    as_of = Company.load(root).as_of
    id = stored(root, "select min(id) from hubspot_contacts where not is_archived")[0][0]
    change(root, "update hubspot_contacts set updated = ? where id = ?", as_of - 5000, id)
    recent = since(as_of - clock.MINUTE)
    assert hubspot.post("/crm/v3/objects/contacts/search", recent).json()["total"] == 0
    assert walk(hubspot, "contacts", limit=100)[0]["id"] == str(id)


def test_one_import_gave_many_contacts_the_same_moment(root: Path) -> None:
    sql = "select count(*) from hubspot_contacts group by updated order by 1 desc limit 1"
    assert stored(root, sql)[0][0] > 100


def test_a_batch_read_tells_what_it_did_not_find(hubspot: Any) -> None:
    id = walk(hubspot, "contacts", limit=100)[0]["id"]
    body = {"inputs": [{"id": id}, {"id": "1"}], "properties": ["email"]}
    answer = hubspot.post("/crm/v3/objects/contacts/batch/read", body)
    assert answer.status_code == 207
    assert [row["id"] for row in answer.json()["results"]] == [id]
    assert answer.json()["errors"][0]["context"]["ids"] == ["1"]


def test_a_deal_names_its_contact_when_asked(hubspot: Any) -> None:
    deal = hubspot.get("/crm/v3/objects/deals", associations="contacts").json()["results"][0]
    contact = deal["associations"]["contacts"]["results"][0]["id"]
    body = {"inputs": [{"id": deal["id"]}]}
    links = hubspot.post("/crm/v4/associations/deals/contacts/batch/read", body).json()
    assert links["results"][0]["to"][0]["toObjectId"] == int(contact)


# Zendesk


def export(zendesk: Any, stream: str, **params: Any) -> list[dict]:
    found = []
    page = zendesk.get(f"/api/v2/incremental/{stream}/cursor", **params).json()
    while True:
        found += page[stream]
        if page["end_of_stream"]:
            return found
        cursor = {"cursor": page["after_cursor"], "per_page": params.get("per_page", 1000)}
        page = zendesk.get(f"/api/v2/incremental/{stream}/cursor", **cursor).json()


@pytest.mark.parametrize("stream", ["tickets", "users"])
def test_an_export_gives_every_record_once_in_order_of_change(
    stream: str, zendesk: Any, root: Path
) -> None:
    found = export(zendesk, stream, start_time=0, per_page=37)
    moments = [row["updated_at"] for row in found]
    assert moments == sorted(moments)
    end = Company.load(root).as_of - clock.MINUTE
    sql = f"select count(*) from zendesk_{stream} where updated < {end}"
    assert len({row["id"] for row in found}) == len(found) == stored(root, sql)[0][0]


def test_an_export_leaves_out_the_minute_before_the_call(zendesk: Any, root: Path) -> None:
    id = stored(root, "select min(id) from zendesk_tickets")[0][0]
    blind = Company.load(root).as_of - 30 * clock.SECOND
    change(root, "update zendesk_tickets set updated = ? where id = ?", blind, id)
    assert id not in {row["id"] for row in export(zendesk, "tickets", start_time=0)}
    next_night(root)
    assert id in {row["id"] for row in export(zendesk, "tickets", start_time=0)}


def test_a_cursor_kept_overnight_gives_only_what_changed(zendesk: Any, root: Path) -> None:
    page = zendesk.get("/api/v2/incremental/tickets/cursor", start_time=0).json()
    while not page["end_of_stream"]:
        token = page["after_cursor"]
        page = zendesk.get("/api/v2/incremental/tickets/cursor", cursor=token).json()
    kept = page["after_cursor"]
    again = zendesk.get("/api/v2/incremental/tickets/cursor", cursor=kept).json()
    assert again["tickets"] == []
    next_night(root)
    after = zendesk.get("/api/v2/incremental/tickets/cursor", cursor=kept).json()["tickets"]
    assert 0 < len(after) < 60


def test_a_start_in_the_last_minute_is_refused(zendesk: Any, root: Path) -> None:
    late = Company.load(root).as_of // 1000 - 30
    answer = zendesk.get("/api/v2/incremental/users/cursor", start_time=late)
    assert (answer.status_code, answer.json()["error"]) == (400, "InvalidValue")


def test_metrics_come_newest_first_a_hundred_a_page(zendesk: Any, root: Path) -> None:
    found, params = [], {"page[size]": 500}
    while True:
        page = zendesk.get("/api/v2/ticket_metrics", **params).json()
        assert len(page["ticket_metrics"]) <= 100
        found += [row["ticket_id"] for row in page["ticket_metrics"]]
        if not page["meta"]["has_more"]:
            break
        params["page[after]"] = page["meta"]["after_cursor"]
    assert found == sorted(found, reverse=True)
    assert len(found) == stored(root, "select count(*) from zendesk_ticket_metrics")[0][0]


def test_ratings_can_be_asked_for_by_score(zendesk: Any) -> None:
    good = zendesk.get("/api/v2/satisfaction_ratings", score="good").json()
    received = zendesk.get("/api/v2/satisfaction_ratings", score="received").json()
    everything = zendesk.get("/api/v2/satisfaction_ratings").json()
    assert {row["score"] for row in good["satisfaction_ratings"]} == {"good"}
    assert 0 < good["count"] < received["count"] < everything["count"]


def test_deleted_tickets_are_scrubbed_in_the_export_and_listed_apart(
    zendesk: Any, root: Path
) -> None:
    for _ in range(6):
        next_night(root)
    listed = {row["id"] for row in zendesk.get("/api/v2/deleted_tickets").json()["deleted_tickets"]}
    exported = {t["id"]: t for t in export(zendesk, "tickets", start_time=0)}
    assert listed
    for id in listed:
        assert (exported[id]["status"], exported[id]["subject"]) == ("deleted", "SCRUBBED")


def test_tickets_are_reopened_solved_and_rated(root: Path) -> None:
    sql = "select max(json_extract(body, '$.{}')) from zendesk_ticket_metrics"
    assert stored(root, sql.format("reopens"))[0][0] >= 1
    assert stored(root, sql.format("replies"))[0][0] >= 2
    statuses = stored(root, "select distinct json_extract(body, '$.status') from zendesk_tickets")
    assert {"new", "open", "pending", "solved", "closed"} <= {row[0] for row in statuses}


# Typeform


def test_walking_back_with_before_gives_every_response_once(typeform: Any, root: Path) -> None:
    forms = typeform.get("/forms").json()["items"]
    for form in forms:
        found, params = [], {"page_size": 50}
        while True:
            items = typeform.get(f"/forms/{form['id']}/responses", **params).json()["items"]
            if not items:
                break
            found += items
            params["before"] = items[-1]["token"]
        moments = [item["submitted_at"] for item in found]
        assert moments == sorted(moments, reverse=True)
        sql = f"select count(*) from typeform_responses where body like '%{form['id']}%'"
        assert len({i["token"] for i in found}) == len(found) == stored(root, sql)[0][0] > 20


def test_since_and_until_are_inclusive_to_the_second(typeform: Any) -> None:
    item = typeform.get("/forms/NpsQ1abc/responses", page_size=9).json()["items"][-1]
    moment = item["submitted_at"]
    window = typeform.get("/forms/NpsQ1abc/responses", since=moment, until=moment).json()
    assert item["token"] in {found["token"] for found in window["items"]}


def test_a_page_of_responses_has_25_unless_told_and_never_more_than_a_thousand(
    typeform: Any,
) -> None:
    page = typeform.get("/forms/NpsQ1abc/responses").json()
    assert len(page["items"]) == 25
    assert page["total_items"] > 25
    assert typeform.get("/forms/NpsQ1abc/responses", page_size=1001).status_code == 400


def test_before_does_not_go_with_sort(typeform: Any) -> None:
    token = typeform.get("/forms/NpsQ1abc/responses").json()["items"][0]["token"]
    params = {"before": token, "sort": "submitted_at,asc"}
    assert typeform.get("/forms/NpsQ1abc/responses", **params).status_code == 400


def test_scores_stay_on_their_scale_and_blanks_are_absent(typeform: Any) -> None:
    for form, lowest, highest in (("NpsQ1abc", 0, 10), ("CsatO2de", 1, 5), ("CesT3fgh", 1, 7)):
        items = typeform.get(f"/forms/{form}/responses", page_size=1000).json()["items"]
        scores = [a["number"] for item in items for a in item["answers"] if a["type"] == "number"]
        assert lowest <= min(scores) < max(scores) <= highest
        assert len(scores) <= len(items)
    assert any(item["hidden"].get("ticket_id") for item in items)


def test_a_form_names_its_questions_and_hidden_fields(typeform: Any) -> None:
    form = typeform.get("/forms/NpsQ1abc").json()
    assert form["fields"][0]["ref"] == "nps_score"
    assert form["hidden"] == ["user_id", "email", "ticket_id"]
    assert typeform.get("/forms/nothing").json()["code"] == "FORM_NOT_FOUND"


# Amplitude


def events(answer: Any) -> list[dict]:
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        lines = [gzip.decompress(archive.read(name)).splitlines() for name in archive.namelist()]
    return [msgspec.json.decode(line) for hour in lines for line in hour]


def test_an_export_is_a_zip_of_hours_by_upload_time(amplitude: Any) -> None:
    answer = amplitude.get("/api/2/export", start="20260329T00", end="20260329T23")
    found = events(answer)
    assert found
    assert all(event["server_upload_time"].startswith("2026-03-29 ") for event in found)
    assert len({event["uuid"] for event in found}) == len(found)


def test_the_last_two_hours_do_not_show_yet(amplitude: Any, root: Path) -> None:
    change(root, "update amplitude_events set upload = ? where id % 50 = 0",
           clock.parse_iso("2026-03-31T01:10:00Z") // 1000)  # fmt: skip
    window = {"start": "20260331T01", "end": "20260331T02"}
    assert amplitude.get("/api/2/export", **window).status_code == 404
    next_night(root)
    assert len(events(amplitude.get("/api/2/export", **window))) > 10


def test_no_data_is_a_404(amplitude: Any) -> None:
    answer = amplitude.get("/api/2/export", start="20200101T00", end="20200101T05")
    assert answer.status_code == 404


def test_too_much_data_is_a_504_until_the_range_is_halved(amplitude: Any, client: Any) -> None:
    whole = {"start": "20260320T00", "end": "20260329T23"}
    total = len(events(amplitude.get("/api/2/export", **whole)))
    options = {"largest_export": total - 1}
    client.post("/_sandbox/limits", {"vendor": "amplitude", "options": options})
    assert amplitude.get("/api/2/export", **whole).status_code == 504
    first = amplitude.get("/api/2/export", start="20260320T00", end="20260324T23")
    second = amplitude.get("/api/2/export", start="20260325T00", end="20260329T23")
    assert len(events(first)) + len(events(second)) == total


def test_a_range_over_a_year_or_a_bad_hour_is_a_400(amplitude: Any) -> None:
    for start, end in (("20240101T00", "20260101T00"), ("yesterday", "20260101T00")):
        assert amplitude.get("/api/2/export", start=start, end=end).status_code == 400


def test_visits_begin_anonymous_and_some_events_arrive_late(amplitude: Any) -> None:
    found = events(amplitude.get("/api/2/export", start="20260101T00", end="20260330T23"))
    anonymous = {e["device_id"] for e in found if e["user_id"] is None}
    known = {e["device_id"] for e in found if e["user_id"]}
    assert anonymous & known
    assert any(e["event_time"][:10] < e["server_upload_time"][:10] for e in found)
    assert {"page_view", "product_view", "add_to_cart", "purchase", "login", "sign_up"} <= {
        e["event_type"] for e in found
    }


# Intercom


@pytest.fixture
def attribute(intercom: Any) -> str:
    body = {"name": "segment_score", "model": "contact", "data_type": "integer"}
    assert intercom.post("/data_attributes", body).status_code == 200
    return "segment_score"


def create(intercom: Any, **body: Any) -> dict:
    answer = intercom.post("/contacts", {"role": "user", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_contact_can_be_made_found_changed_and_deleted(intercom: Any, attribute: str) -> None:
    made = create(intercom, external_id="c_1", email="New@example.com", name="New")
    found = intercom.get("/contacts/find_by_external_id/c_1").json()
    assert found["id"] == made["id"]
    changed = intercom.put(f"/contacts/{made['id']}", {"custom_attributes": {attribute: 4}}).json()
    assert changed["custom_attributes"] == {attribute: 4}
    cleared = intercom.put(f"/contacts/{made['id']}", {"custom_attributes": {attribute: None}})
    assert cleared.json()["custom_attributes"] == {}
    assert intercom.delete(f"/contacts/{made['id']}").json()["deleted"] is True
    assert intercom.get(f"/contacts/{made['id']}").status_code == 404


def test_a_conflict_names_the_existing_id_in_its_text(intercom: Any) -> None:
    made = create(intercom, external_id="c_1", email="new@example.com")
    answer = intercom.post("/contacts", {"external_id": "c_2", "email": "NEW@example.com"})
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "conflict"
    assert f"id={made['id']}" in answer.json()["errors"][0]["message"]
    other = create(intercom, external_id="c_3", email="third@example.com")
    moved = intercom.put(f"/contacts/{other['id']}", {"external_id": "c_1"})
    assert moved.status_code == 409
    assert made["id"] in moved.text


def test_an_unknown_custom_attribute_is_refused(intercom: Any) -> None:
    body = {"email": "new@example.com", "custom_attributes": {"surprise": 1}}
    answer = intercom.post("/contacts", body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "parameter_invalid")


def test_leads_are_not_found_by_external_id(intercom: Any) -> None:
    create(intercom, external_id="c_9", email="lead@example.com", role="lead")
    assert intercom.get("/contacts/find_by_external_id/c_9").status_code == 404


def search(intercom: Any, field: str, operator: str, value: Any) -> Any:
    query = {"field": field, "operator": operator, "value": value}
    return intercom.post("/contacts/search", {"query": query, "pagination": {"per_page": 150}})


def test_dates_are_compared_by_calendar_day(intercom: Any, root: Path) -> None:
    moment = Company.load(root).as_of // 1000
    made = create(intercom, external_id="c_1", email="new@example.com")
    assert made["updated_at"] == moment
    after = search(intercom, "updated_at", ">", moment - 3600).json()["data"]
    assert made["id"] not in {row["id"] for row in after}
    earlier = search(intercom, "updated_at", ">", moment - 2 * 86400).json()["data"]
    assert made["id"] in {row["id"] for row in earlier}
    whole_day = search(intercom, "updated_at", "=", moment + 3600).json()["data"]
    assert made["id"] in {row["id"] for row in whole_day}
    assert search(intercom, "updated_at", ">=", moment).status_code == 400


def test_a_search_pages_and_is_bounded_in_size_and_depth(intercom: Any) -> None:
    query = {"field": "role", "operator": "=", "value": "user"}
    found, token = [], None
    while True:
        paging = {"per_page": 5, **({"starting_after": token} if token else {})}
        answer = intercom.post("/contacts/search", {"query": query, "pagination": paging}).json()
        found += [row["id"] for row in answer["data"]]
        if "next" not in answer["pages"]:
            break
        token = answer["pages"]["next"]["starting_after"]
    assert len(found) == len(set(found)) == answer["total_count"] > 5
    deep: dict[str, Any] = query
    for _ in range(3):
        deep = {"operator": "AND", "value": [deep]}
    assert intercom.post("/contacts/search", {"query": deep}).status_code == 400
    wide = {"operator": "OR", "value": [query] * 16}
    assert intercom.post("/contacts/search", {"query": wide}).status_code == 400


def test_tags_are_made_attached_and_detached(intercom: Any) -> None:
    made = create(intercom, external_id="c_1", email="new@example.com")
    tag = intercom.post("/tags", {"name": "seg_promoters"}).json()
    assert intercom.post("/tags", {"name": "seg_promoters"}).json() == tag
    intercom.post(f"/contacts/{made['id']}/tags", {"id": tag["id"]})
    intercom.post(f"/contacts/{made['id']}/tags", {"id": tag["id"]})
    assert [t["name"] for t in intercom.get(f"/contacts/{made['id']}/tags").json()["data"]] == [
        "seg_promoters"
    ]
    assert search(intercom, "tag_id", "=", tag["id"]).json()["total_count"] == 1
    intercom.delete(f"/contacts/{made['id']}/tags/{tag['id']}")
    assert intercom.get(f"/contacts/{made['id']}/tags").json()["data"] == []
    answer = intercom.post(f"/contacts/{made['id']}/tags", {"id": "999"})
    assert answer.status_code == 404


def test_many_are_tagged_and_untagged_at_once(intercom: Any) -> None:
    ids = [create(intercom, email=f"n{n}@example.com")["id"] for n in range(3)]
    tag = intercom.post("/tags", {"name": "seg", "users": [{"id": id} for id in ids]}).json()
    assert search(intercom, "tag_id", "=", tag["id"]).json()["total_count"] == 3
    intercom.post("/tags", {"name": "seg", "users": [{"id": ids[0], "untag": True}]})
    assert search(intercom, "tag_id", "=", tag["id"]).json()["total_count"] == 2


def test_nothing_may_be_sent_about_who_said_no(intercom: Any, client: Any, attribute: str) -> None:
    made = create(intercom, external_id="c_1", email="new@example.com")
    tag = intercom.post("/tags", {"name": "seg", "users": [{"id": made["id"]}]}).json()
    gone = {"unsubscribed_from_emails": True}
    assert intercom.put(f"/contacts/{made['id']}", gone).status_code == 200
    assert client.get("/_sandbox/violations") == {"violations": []}
    other = intercom.post("/tags", {"name": "other"}).json()
    back = {"unsubscribed_from_emails": False}
    refused = [
        intercom.put(f"/contacts/{made['id']}", {"custom_attributes": {attribute: 1}}),
        intercom.put(f"/contacts/{made['id']}", back),
        intercom.post(f"/contacts/{made['id']}/tags", {"id": other["id"]}),
        intercom.post("/tags", {"name": "other", "users": [{"id": made["id"]}]}),
        intercom.post("/contacts", {"email": "new@example.com"}),
    ]
    assert [answer.status_code for answer in refused] == [403] * 5
    kept = client.get("/_sandbox/violations")["violations"]
    assert [row["kind"] for row in kept] == ["unsubscribed"] * 5
    assert "new@example.com" not in str(kept)
    allowed = [
        intercom.delete(f"/contacts/{made['id']}/tags/{tag['id']}"),
        intercom.put(f"/contacts/{made['id']}", {"custom_attributes": {attribute: None}}),
        intercom.delete(f"/contacts/{made['id']}"),
    ]
    assert [answer.status_code for answer in allowed] == [200] * 3
    assert len(client.get("/_sandbox/violations")["violations"]) == 5


def test_some_people_unsubscribe_at_night(intercom: Any, root: Path) -> None:
    for number in range(200):
        create(intercom, external_id=f"c_{number}", email=f"n{number}@example.com")
    before = search(intercom, "unsubscribed_from_emails", "=", True).json()["total_count"]
    since = Company.load(root).as_of // 1000
    assert next_night(root)["intercom_unsubscribed"] > 0
    answer = search(intercom, "unsubscribed_from_emails", "=", True).json()
    assert before < answer["total_count"] < before + 30
    assert max(row["updated_at"] for row in answer["data"]) >= since


def test_the_state_does_not_depend_on_the_order_of_the_calls(
    intercom: Any, client: Any, root: Path
) -> None:
    empty = client.get("/_sandbox/state/intercom")
    for number in (1, 2, 3):
        create(intercom, external_id=f"c_{number}", email=f"n{number}@example.com")
    forward = client.get("/_sandbox/state/intercom")
    assert forward != empty
    change(root, "delete from intercom_contacts where external_id like 'c_%'")
    assert client.get("/_sandbox/state/intercom") == empty
    for number in (3, 1, 2):
        create(intercom, external_id=f"c_{number}", email=f"n{number}@example.com")
    assert client.get("/_sandbox/state/intercom") == forward

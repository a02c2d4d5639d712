"""HubSpot's own traps; the rest is in tests/contracts/test_destinations.py."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rapport.vendors.destination import BatchRefused, Destination
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.store import as_text, decode

BATCH = "/hubspot/crm/v3/objects/contacts/batch"


@pytest.fixture
def hubspot(tool: Callable[..., Destination], make: Any) -> Destination:
    opened = tool("hubspot", subscription="77")
    opened.prepare(make.audience)
    return opened


def listed(twins: Recorder) -> list[str]:
    return twins.shelf("hubspot").get("lists", "501")["members"]


def stored(twins: Recorder, id: str | None) -> Any:
    sql = "select body from hubspot_contacts where id = ?"
    return decode(twins.gate.database.execute(sql, (id,)).fetchone()[0])


def change(twins: Recorder, id: str | None, **values: str) -> None:
    body = stored(twins, id)
    body["properties"].update(values)
    sql = "update hubspot_contacts set body = ? where id = ?"
    twins.gate.database.execute(sql, (as_text(body), id))


def test_a_hundred_people_are_two_calls(hubspot: Destination, twins: Recorder, make: Any) -> None:
    twins.requests.clear()
    results = hubspot.upsert(make.batch(*make.people(*range(100))))
    assert all(result.accepted for result in results)
    change_list = "PUT /hubspot/crm/v3/lists/501/memberships/add-and-remove"
    assert twins.calls() == [f"POST {BATCH}/upsert", change_list]
    assert len(listed(twins)) == 100


def test_a_207_without_a_word_about_a_row_is_no_success(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["hubspot"] = {"silent": 1}
    results = hubspot.upsert(make.batch(*make.people(1, 2)))
    assert [result.error for result in results] == ["207 without a word about this row"] * 2
    assert listed(twins) == []


def test_an_error_in_a_207_is_one_row_s(hubspot: Destination, twins: Recorder, make: Any) -> None:
    bad = make.person(2, email="nobody")
    results = hubspot.upsert(make.batch(make.person(1), bad, make.person(3)))
    assert [result.error for result in results] == [None, "VALIDATION_ERROR", None]
    assert len(listed(twins)) == 2


def test_a_batch_that_is_refused_whole_is_left_to_the_engine_to_halve(
    hubspot: Destination, make: Any
) -> None:
    twice = make.person(2, email="p2@example.com", remote_id="9")
    again = make.person(3, email="p3@example.com", remote_id="9")
    with pytest.raises(BatchRefused, match="400 VALIDATION_ERROR"):
        hubspot.upsert(make.batch(twice, again))


def test_a_new_address_changes_the_contact_and_makes_no_second_one(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    (first,) = hubspot.upsert(make.batch(make.person(1)))
    moved = make.person(1, email="new@example.com", remote_id=first.remote_id, is_listed=True)
    (second,) = hubspot.upsert(make.batch(moved))
    assert second == first
    assert stored(twins, first.remote_id)["properties"]["email"] == "new@example.com"


def test_a_contact_that_is_gone_is_made_again(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    lost = make.person(1, remote_id="424242", is_listed=True)
    (result,) = hubspot.upsert(make.batch(lost))
    assert result.accepted
    assert listed(twins) == [result.remote_id] != ["424242"]


def test_who_leaves_is_off_the_list_without_the_trait_and_still_a_contact(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    people = make.people(1, 2)
    (first, second) = hubspot.upsert(make.batch(*people))
    known = replace(people[0], remote_id=first.remote_id, traits={"score": None})
    by_address = replace(people[1], traits={})
    assert all(result.accepted for result in hubspot.remove(make.batch(known, by_address)))
    assert listed(twins) == []
    assert stored(twins, first.remote_id)["properties"]["rapport_score"] == ""
    assert stored(twins, second.remote_id)["properties"]["rapport_score"] == "2"


def test_somebody_else_with_the_address_is_not_taken_off(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    hubspot.upsert(make.batch(make.person(1)))
    hubspot.remove(make.batch(make.person(2, email="p1@example.com")))
    assert len(listed(twins)) == 1


def test_opt_outs_bounces_and_merged_ids_are_pulled(
    hubspot: Destination, twins: Recorder, make: Any
) -> None:
    ids = [r.remote_id for r in hubspot.upsert(make.batch(*make.people(1, 2, 3, 4)))]
    change(twins, ids[0], hs_email_optout="true")
    change(twins, ids[1], hs_email_hard_bounce_reason_enum="UNKNOWN_USER")
    status = {"subscriptionId": "77", "status": "UNSUBSCRIBED"}
    other = {"subscriptionId": "78", "status": "UNSUBSCRIBED"}
    shelf = twins.shelf("hubspot")
    shelf.put("subscriptions", "p3@example.com", {"statuses": [status]})
    shelf.put("subscriptions", "p4@example.com", {"statuses": [other]})
    change(twins, ids[3], hs_merged_object_ids="111;112")
    found = [one for one in hubspot.contacts() if str(one.external_id).startswith("customer_")]
    assert {(one.external_id, one.says) for one in found} == {
        ("customer_1", ("unsubscribed",)),
        ("customer_2", ("bounced",)),
        ("customer_3", ("unsubscribed",)),
        ("customer_4", ()),
    }
    assert {one.remote_id for one in found} == {*ids, "111", "112"}


def test_erasure_blocks_no_address(hubspot: Destination, twins: Recorder, make: Any) -> None:
    (result,) = hubspot.upsert(make.batch(make.person(1)))
    assert hubspot.erase(make.person(1)) == "deleted"
    assert hubspot.erase(make.person(1)) == "not there"
    sql = "select count(*) from hubspot_contacts where id = ?"
    assert twins.gate.database.execute(sql, (result.remote_id,)).fetchone() == (0,)
    assert twins.violations() == []


def test_a_lost_ledger_can_be_read_back(hubspot: Destination, make: Any) -> None:
    hubspot.upsert(make.batch(*make.people(1, 2)))
    there = hubspot.members(make.audience)
    assert there is not None
    assert sorted(str(contact.external_id) for contact in there) == ["customer_1", "customer_2"]

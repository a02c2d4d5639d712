"""Zoho's own traps as a destination; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.destinations.base import Audience, BatchRefused, Destination
from rapport.destinations.zoho import tag_name
from rapport.errors import ConfigError
from rapport.sandbox.recorder import Recorder
from rapport.sandbox.twins.zoho import record_id, stamp

OWN = "Rapport_Customer_Id"


@pytest.fixture
def zoho(tool: Callable[..., Destination], make: Any) -> Destination:
    made = tool("zoho", customer_id=OWN, fields={"score": "Score"})
    made.prepare(make.audience)
    return made


def put(twins: Recorder, number: int, email: str, **fields: Any) -> str:
    """A contact that somebody made by hand."""
    id, now = record_id("Contacts", 9_000_000 + number), twins.gate.as_of
    body = {"id": id, "First_Name": "By", "Last_Name": "Hand", "Email": email, OWN: None,
            "Email_Opt_Out": False, "Tag": [], "written": now, "created": now,
            "Created_Time": stamp(now), "Modified_Time": stamp(now), **fields}  # fmt: skip
    twins.shelf("zoho").put("Contacts", id, body)
    return id


def held(twins: Recorder) -> dict[str, dict[str, Any]]:
    return dict(twins.shelf("zoho").list("Contacts"))


def tags(contact: dict[str, Any]) -> list[str]:
    return [tag["name"] for tag in contact["Tag"]]


def on_list(tool: Destination, make: Any) -> set[str | None]:
    return {one.external_id for one in tool.members(make.audience) or ()}


def test_a_contact_that_is_there_keeps_its_name_and_its_other_tags(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    id = put(twins, 1, "O'Neil@Example.com", Tag=[{"name": "VIP"}])
    person = make.person(1, email="o'neil@example.com")
    assert zoho.upsert(make.batch(person))[0].remote_id == id
    contact = held(twins)[id]
    assert (contact["Last_Name"], contact[OWN], contact["Score"]) == ("Hand", "customer_1", 1)
    assert tags(contact) == ["VIP", make.audience.key]
    assert zoho.remove(make.batch(person))[0].accepted
    assert tags(held(twins)[id]) == ["VIP"]
    assert held(twins)[id]["Score"] is None


def test_no_address_stands_in_the_address_of_a_call(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    zoho.upsert(make.batch(*make.people(1, 2)))
    list(zoho.contacts())
    assert all("example.com" not in asked["query"] for asked in twins.requests)


def test_the_address_of_another_customers_contact_is_left_alone(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    put(twins, 1, "p1@example.com", **{OWN: "customer_9"})
    results = zoho.upsert(make.batch(*make.people(1, 2)))
    assert [result.error for result in results] == [
        "the address is that of another customer's contact",
        None,
    ]
    assert on_list(zoho, make) == {"customer_2"}


def test_a_200_in_which_rows_failed_is_read_row_by_row_and_quotes_nobody(
    zoho: Destination, make: Any
) -> None:
    people = (
        make.person(1),
        make.person(2, email="nobody"),
        make.person(3, full_name=None),
        make.person(4, email=None),
    )
    results = zoho.upsert(make.batch(*people))
    assert [result.error for result in results] == [None, "INVALID_DATA", "no name", "no address"]


def test_after_a_merge_the_contact_of_the_former_id_is_the_same(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    zoho.upsert(make.batch(make.person(1)))
    merged = make.person(2, email="p1@example.com", aliases=("customer_1",))
    assert zoho.upsert(make.batch(merged))[0].accepted
    assert [body[OWN] for body in held(twins).values()] == ["customer_2"]


def test_a_contact_that_was_deleted_is_made_again(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    first = zoho.upsert(make.batch(make.person(1)))[0].remote_id
    assert first is not None
    twins.shelf("zoho").put("Contacts", first, {**held(twins)[first], "is_deleted": True})
    again = zoho.upsert(make.batch(make.person(1, remote_id=first)))[0]
    assert again.accepted
    assert again.remote_id != first


def test_a_batch_that_comes_again_after_a_lost_answer_makes_nobody_twice(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    for route in ("*/Contacts/upsert", "*/actions/add_tags"):
        twins.fault("zoho", "500_after", route=route)
    results = zoho.upsert(make.batch(*make.people(1, 2)))
    assert all(result.accepted for result in results)
    assert len(held(twins)) == 2
    assert all(tags(body) == [make.audience.key] for body in held(twins).values())


def test_opt_outs_of_contacts_and_leads_are_pulled(zoho: Destination, twins: Recorder) -> None:
    id = put(twins, 1, "out@example.com", Email_Opt_Out=True)
    lead = {**held(twins)[id], "id": record_id("Leads", 9_000_001), "Email": "lead@example.com"}
    twins.shelf("zoho").put("Leads", lead["id"], {**lead, "Converted__s": False})
    found = [record_id("Leads", 9_000_002), record_id("Leads", 9_000_001), id]
    twins.shelf("zoho").put("Leads", found[0], {**lead, "id": found[0], "Converted__s": True})
    says = {contact.remote_id: contact.says for contact in zoho.contacts()}
    assert says[id] == says[found[1]] == ("unsubscribed",)
    assert found[0] not in says


def test_more_than_100_rows_are_refused_as_a_batch(zoho: Destination, make: Any) -> None:
    with pytest.raises(BatchRefused, match="LIMIT_EXCEEDED"):
        zoho.upsert(make.batch(*make.people(*range(101))))


def test_options_that_are_wrong_are_named_before_anything_is_written(
    tool: Callable[..., Destination], make: Any
) -> None:
    with pytest.raises(ConfigError, match="no field Skore of Contacts"):
        tool("zoho", customer_id=OWN, fields={"score": "Skore"}).prepare(make.audience)
    with pytest.raises(ConfigError, match=r"destinations\.zoho\.customer_id"):
        tool("zoho")


def test_a_long_key_is_a_tag_of_25_characters_that_no_other_has() -> None:
    keys = ["detractors_with_open_ticket", "detractors_with_open_tickets", "short"]
    names = [tag_name(Audience(key, key, "email", "marketing")) for key in keys]
    assert [len(name) for name in names] == [25, 25, 5]
    assert len(set(names)) == 3


def test_erasure_deletes_by_our_id_and_not_by_address(
    zoho: Destination, twins: Recorder, make: Any
) -> None:
    zoho.upsert(make.batch(make.person(1)))
    put(twins, 2, "p1@example.com")
    assert zoho.erase(make.person(1)) == "deleted, 60 days in the recycle bin"
    assert zoho.erase(make.person(1)) == "not there"
    assert [body.get("is_deleted", False) for body in held(twins).values()].count(True) == 1

"""Zoho's own traps as a destination; the rest is in test_crm.py and tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.connectors.zoho.destination import tag_name
from rapport.vendors.destination import Audience, Destination
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.zoho import record_id, stamp

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


def test_opt_outs_of_contacts_and_leads_are_pulled(zoho: Destination, twins: Recorder) -> None:
    id = put(twins, 1, "out@example.com", Email_Opt_Out=True)
    lead = {**held(twins)[id], "id": record_id("Leads", 9_000_001), "Email": "lead@example.com"}
    twins.shelf("zoho").put("Leads", lead["id"], {**lead, "Converted__s": False})
    found = [record_id("Leads", 9_000_002), record_id("Leads", 9_000_001), id]
    twins.shelf("zoho").put("Leads", found[0], {**lead, "id": found[0], "Converted__s": True})
    says = {contact.remote_id: contact.says for contact in zoho.contacts()}
    assert says[id] == says[found[1]] == ("unsubscribed",)
    assert found[0] not in says


def test_a_long_key_is_a_tag_of_25_characters_that_no_other_has() -> None:
    keys = ["detractors_with_open_ticket", "detractors_with_open_tickets", "short"]
    names = [tag_name(Audience(key, key, "email", "marketing")) for key in keys]
    assert [len(name) for name in names] == [25, 25, 5]
    assert len(set(names)) == 3

"""Salesforce's own traps; the rest is in test_crm.py and tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.errors import RetryLater
from rapport.vendors.destination import Destination
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.salesforce import record_id
from rapport_sandbox.vendors.salesforce.soql import stamp

OWN = "Rapport_Customer_Id__c"


@pytest.fixture
def salesforce(tool: Callable[..., Destination], make: Any) -> Destination:
    made = tool("salesforce", customer_id=OWN, fields={"score": "Score__c"})
    made.prepare(make.audience)
    return made


def put(twins: Recorder, number: int, email: str, **fields: Any) -> str:
    """A contact that somebody made by hand."""
    id, now = record_id("Contact", 9_000_000 + number), stamp(twins.gate.as_of)
    known = {"FirstName": "By", "LastName": "Hand", "HasOptedOutOfEmail": False, OWN: None}
    body = {"attributes": {"type": "Contact"}, "Id": id, "IsDeleted": False, "Email": email,
            "CreatedDate": now, "SystemModstamp": now, **known, **fields}  # fmt: skip
    twins.shelf("salesforce").put("Contact", id, body)
    return id


def held(twins: Recorder, kind: str = "Contact") -> dict[str, dict[str, Any]]:
    return dict(twins.shelf("salesforce").list(kind))


def on_list(tool: Destination, make: Any) -> set[str | None]:
    return {one.external_id for one in tool.members(make.audience) or ()}


def test_each_row_has_an_answer_of_its_own_and_no_reason_quotes_anybody(
    salesforce: Destination, make: Any
) -> None:
    people = (
        make.person(1),
        make.person(2, email="nobody"),
        make.person(3, full_name=None),
        make.person(4, email=None),
    )
    results = salesforce.upsert(make.batch(*people))
    assert [result.error for result in results] == [
        None,
        "INVALID_EMAIL_ADDRESS",
        "no name",
        "no address",
    ]
    assert on_list(salesforce, make) == {"customer_1"}


def test_who_leaves_is_no_member_stays_a_contact_and_loses_the_trait(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    known = salesforce.upsert(make.batch(*make.people(1, 2)))
    leaver = make.person(1, remote_id=known[0].remote_id)
    assert salesforce.remove(make.batch(leaver))[0].accepted
    assert on_list(salesforce, make) == {"customer_2"}
    scores = {body[OWN]: body["Score__c"] for body in held(twins).values()}
    assert scores == {"customer_1": None, "customer_2": 2}
    assert salesforce.remove(make.batch(leaver, make.person(9)))[1].accepted


def test_opt_outs_bounces_merges_and_leads_are_pulled(
    salesforce: Destination, twins: Recorder
) -> None:
    id = put(twins, 1, "out@example.com", HasOptedOutOfEmail=True)
    put(twins, 2, "gone@example.com", EmailBouncedDate=stamp(twins.gate.as_of))
    loser = put(twins, 3, "twin@example.com", MasterRecordId=id, IsDeleted=True)
    lead = {**held(twins)[id], "Id": "00Q5e000000AAAAAA0", "Email": "lead@example.com"}
    twins.shelf("salesforce").put("Lead", lead["Id"], {**lead, "IsConverted": False})
    says = {contact.remote_id: contact.says for contact in salesforce.contacts() if contact.says}
    assert says[id] == says[loser] == says[lead["Id"]] == ("unsubscribed",)
    assert ("bounced",) in says.values()


def test_the_days_calls_are_left_to_others(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["salesforce"].update(used=990, most=1000)
    with pytest.raises(RetryLater, match="limit_share"):
        salesforce.upsert(make.batch(make.person(1)))

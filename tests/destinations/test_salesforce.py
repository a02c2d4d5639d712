"""Salesforce's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.destinations.base import BatchRefused, Destination
from rapport.errors import ConfigError, RetryLater
from rapport.sandbox.recorder import Recorder
from rapport.sandbox.soql import stamp
from rapport.sandbox.twins.salesforce import record_id

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


def test_a_contact_that_is_there_keeps_its_name_and_gets_our_id_and_the_traits(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    id = put(twins, 1, "O'Neil@Example.com")
    person = make.person(1, email="o'neil@example.com")
    results = salesforce.upsert(make.batch(person))
    assert [(result.remote_id, result.error) for result in results] == [(id, None)]
    contact = held(twins)[id]
    assert (contact["LastName"], contact["Email"]) == ("Hand", "O'Neil@Example.com")
    assert (contact[OWN], contact["Score__c"]) == ("customer_1", 1)
    assert on_list(salesforce, make) == {"customer_1"}


def test_no_address_stands_in_the_address_of_a_call(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    salesforce.upsert(make.batch(*make.people(1, 2)))
    list(salesforce.contacts())
    assert all("example.com" not in asked["query"] for asked in twins.requests)


def test_the_address_of_another_customers_contact_is_left_alone(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    put(twins, 1, "p1@example.com", **{OWN: "customer_9"})
    results = salesforce.upsert(make.batch(*make.people(1, 2)))
    assert [result.error for result in results] == [
        "the address is that of another customer's contact",
        None,
    ]


def test_after_a_merge_the_contact_of_the_former_id_is_the_same(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    salesforce.upsert(make.batch(make.person(1)))
    merged = make.person(2, email="p1@example.com", aliases=("customer_1",))
    assert salesforce.upsert(make.batch(merged))[0].accepted
    assert [body[OWN] for body in held(twins).values()] == ["customer_2"]
    assert len(held(twins, "CampaignMember")) == 1


def test_a_contact_that_was_deleted_is_made_again(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    first = salesforce.upsert(make.batch(make.person(1)))[0].remote_id
    assert first is not None
    twins.shelf("salesforce").put("Contact", first, {**held(twins)[first], "IsDeleted": True})
    again = salesforce.upsert(make.batch(make.person(1, remote_id=first)))[0]
    assert again.accepted
    assert again.remote_id != first


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


def test_a_batch_that_comes_again_after_a_lost_answer_makes_nobody_twice(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    for route in ("*/composite/sobjects/Contact/*", "*/composite/sobjects"):
        twins.fault("salesforce", "500_after", route=route)
    results = salesforce.upsert(make.batch(*make.people(1, 2)))
    assert all(result.accepted for result in results)
    assert len(held(twins)) == len(held(twins, "CampaignMember")) == 2


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


def test_more_than_200_rows_are_refused_as_a_batch(salesforce: Destination, make: Any) -> None:
    with pytest.raises(BatchRefused, match="EXCEEDED_MAX_SIZE_REQUEST"):
        salesforce.upsert(make.batch(*make.people(*range(201))))


def test_the_days_calls_are_left_to_others(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["salesforce"].update(used=990, most=1000)
    with pytest.raises(RetryLater, match="limit_share"):
        salesforce.upsert(make.batch(make.person(1)))


def test_a_field_that_is_not_there_is_named_before_anything_is_written(
    tool: Callable[..., Destination], make: Any
) -> None:
    wrong = tool("salesforce", customer_id=OWN, fields={"score": "Skore__c"})
    with pytest.raises(ConfigError, match="no field Skore__c of Contact"):
        wrong.prepare(make.audience)
    with pytest.raises(ConfigError, match=r"destinations\.salesforce\.customer_id"):
        tool("salesforce")


def test_erasure_deletes_by_our_id_and_not_by_address(
    salesforce: Destination, twins: Recorder, make: Any
) -> None:
    salesforce.upsert(make.batch(make.person(1)))
    put(twins, 2, "p1@example.com")
    assert salesforce.erase(make.person(1)) == "deleted, 15 days in the recycle bin"
    assert salesforce.erase(make.person(1)) == "not there"
    assert [body["IsDeleted"] for body in held(twins).values()].count(True) == 1

"""What the destinations on `_crm.py` share; their own traps stand in files of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from rapport.errors import ConfigError
from rapport.vendors.destination import BatchRefused, Destination
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.salesforce import record_id as id_at_salesforce
from rapport_sandbox.vendors.salesforce.soql import stamp as stamp_salesforce
from rapport_sandbox.vendors.zoho import record_id as id_at_zoho
from rapport_sandbox.vendors.zoho import stamp as stamp_zoho


@dataclass(frozen=True)
class Vendor:
    """How one CRM names what all have."""

    name: str
    own: str
    field: str
    contacts: str
    deleted: str
    writes: tuple[str, ...]
    most: int
    too_many: str
    days: int

    def options(self, field: str | None = None) -> dict[str, Any]:
        return {"customer_id": self.own, "fields": {"score": field or self.field}}


SALESFORCE = Vendor(
    "salesforce", "Rapport_Customer_Id__c", "Score__c", "Contact", "IsDeleted",
    ("*/composite/sobjects/Contact/*", "*/composite/sobjects"), 200, "EXCEEDED_MAX_SIZE_REQUEST",
    15,
)  # fmt: skip
ZOHO = Vendor(
    "zoho", "Rapport_Customer_Id", "Score", "Contacts", "is_deleted",
    ("*/Contacts/upsert", "*/actions/add_tags"), 100, "LIMIT_EXCEEDED", 60,
)  # fmt: skip


class Crm:
    """A destination, and what its double holds."""

    def __init__(self, vendor: Vendor, tool: Destination, twins: Recorder) -> None:
        self.vendor, self.tool, self.twins = vendor, tool, twins

    def held(self) -> dict[str, dict[str, Any]]:
        return dict(self.twins.shelf(self.vendor.name).list(self.vendor.contacts))

    def put(self, number: int, email: str, **fields: Any) -> str:
        """A contact that somebody made by hand."""
        now = self.twins.gate.as_of
        if self.vendor is SALESFORCE:
            id, at = id_at_salesforce("Contact", 9_000_000 + number), stamp_salesforce(now)
            body = {"attributes": {"type": "Contact"}, "Id": id, "IsDeleted": False,
                    "FirstName": "By", "LastName": "Hand", "HasOptedOutOfEmail": False,
                    "CreatedDate": at, "SystemModstamp": at}  # fmt: skip
        else:
            id, at = id_at_zoho("Contacts", 9_000_000 + number), stamp_zoho(now)
            body = {"id": id, "First_Name": "By", "Last_Name": "Hand", "Email_Opt_Out": False,
                    "Tag": [], "written": now, "created": now, "Created_Time": at,
                    "Modified_Time": at}  # fmt: skip
        body |= {"Email": email, self.vendor.own: None, **fields}
        self.twins.shelf(self.vendor.name).put(self.vendor.contacts, id, body)
        return id

    def delete(self, id: str) -> None:
        gone = {**self.held()[id], self.vendor.deleted: True}
        self.twins.shelf(self.vendor.name).put(self.vendor.contacts, id, gone)

    def owners(self) -> list[str]:
        return sorted(body[self.vendor.own] for body in self.held().values())

    def on_list(self, make: Any) -> list[str | None]:
        return sorted(str(one.external_id) for one in self.tool.members(make.audience) or ())


@pytest.fixture(params=[SALESFORCE, ZOHO], ids=lambda vendor: vendor.name)
def crm(
    request: pytest.FixtureRequest,
    tool: Callable[..., Destination],
    twins: Recorder,
    make: Any,
) -> Crm:
    vendor: Vendor = request.param
    made = tool(vendor.name, **vendor.options())
    made.prepare(make.audience)
    return Crm(vendor, made, twins)


def test_a_contact_that_is_there_gets_our_id_and_the_traits(crm: Crm, make: Any) -> None:
    id = crm.put(1, "O'Neil@Example.com")
    results = crm.tool.upsert(make.batch(make.person(1, email="o'neil@example.com")))
    assert [(result.remote_id, result.error) for result in results] == [(id, None)]
    contact = crm.held()[id]
    assert contact["Email"] == "O'Neil@Example.com"
    assert "Hand" in contact.values()
    assert (contact[crm.vendor.own], contact[crm.vendor.field]) == ("customer_1", 1)
    assert crm.on_list(make) == ["customer_1"]


def test_no_address_stands_in_the_address_of_a_call(crm: Crm, make: Any) -> None:
    crm.tool.upsert(make.batch(*make.people(1, 2)))
    list(crm.tool.contacts())
    assert all("example.com" not in asked["query"] for asked in crm.twins.requests)


def test_the_address_of_another_customers_contact_is_left_alone(crm: Crm, make: Any) -> None:
    crm.put(1, "p1@example.com", **{crm.vendor.own: "customer_9"})
    results = crm.tool.upsert(make.batch(*make.people(1, 2)))
    assert [result.error for result in results] == [
        "the address is that of another customer's contact",
        None,
    ]
    assert crm.on_list(make) == ["customer_2"]


def test_after_a_merge_the_contact_of_the_former_id_is_the_same(crm: Crm, make: Any) -> None:
    crm.tool.upsert(make.batch(make.person(1)))
    merged = make.person(2, email="p1@example.com", aliases=("customer_1",))
    assert crm.tool.upsert(make.batch(merged))[0].accepted
    assert crm.owners() == crm.on_list(make) == ["customer_2"]


def test_a_contact_that_was_deleted_is_made_again(crm: Crm, make: Any) -> None:
    first = crm.tool.upsert(make.batch(make.person(1)))[0].remote_id
    assert first is not None
    crm.delete(first)
    again = crm.tool.upsert(make.batch(make.person(1, remote_id=first)))[0]
    assert again.accepted
    assert again.remote_id != first


def test_a_contact_that_is_deleted_between_search_and_write_is_not_taken_for_accepted(
    crm: Crm, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = crm.put(1, "p1@example.com")
    search = crm.tool.find  # type: ignore[attr-defined]

    def find_then_delete(*people: Any, **options: Any) -> Any:
        found = search(*people, **options)
        crm.delete(id)
        return found

    monkeypatch.setattr(crm.tool, "find", find_then_delete)
    assert crm.tool.upsert(make.batch(make.person(1)))[0].error is not None


def test_a_batch_that_comes_again_after_a_lost_answer_makes_nobody_twice(
    crm: Crm, make: Any
) -> None:
    for route in crm.vendor.writes:
        crm.twins.fault(crm.vendor.name, "500_after", route=route)
    results = crm.tool.upsert(make.batch(*make.people(1, 2)))
    assert all(result.accepted for result in results)
    assert crm.owners() == crm.on_list(make) == ["customer_1", "customer_2"]


def test_too_many_rows_are_refused_as_a_batch(crm: Crm, make: Any) -> None:
    with pytest.raises(BatchRefused, match=crm.vendor.too_many):
        crm.tool.upsert(make.batch(*make.people(*range(crm.vendor.most + 1))))


def test_options_that_are_wrong_are_named_before_anything_is_written(
    crm: Crm, tool: Callable[..., Destination], make: Any
) -> None:
    wrong = tool(crm.vendor.name, **crm.vendor.options("Skore__c"))
    with pytest.raises(ConfigError, match="no field Skore__c of Contact"):
        wrong.prepare(make.audience)
    with pytest.raises(ConfigError, match=rf"destinations\.{crm.vendor.name}\.customer_id"):
        tool(crm.vendor.name)


def test_erasure_deletes_by_our_id_and_not_by_address(crm: Crm, make: Any) -> None:
    crm.tool.upsert(make.batch(make.person(1)))
    crm.put(2, "p1@example.com")
    assert crm.tool.erase(make.person(1)) == f"deleted, {crm.vendor.days} days in the recycle bin"
    assert crm.tool.erase(make.person(1)) == "not there"
    assert [body.get(crm.vendor.deleted, False) for body in crm.held().values()].count(True) == 1

"""Mailchimp's own traps; the rest is in tests/contracts/test_destinations.py."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rapport.connectors.mailchimp.destination import Mailchimp
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.connections import Connection
from rapport.vendors.destination import Destination
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.mailchimp import AUDIENCE, member_id

LIST = f"/mailchimp/3.0/lists/{AUDIENCE}"


@pytest.fixture
def mailchimp(tool: Callable[..., Destination], make: Any) -> Destination:
    opened = tool("mailchimp")
    opened.prepare(make.audience)
    return opened


def tagged(twins: Recorder) -> list[str]:
    (segment,) = [body for _, body in twins.shelf("mailchimp").list("segments")]
    return segment["members"]


def say(twins: Recorder, email: str, status: str) -> None:
    shelf = twins.shelf("mailchimp")
    held = shelf.get("members", member_id(email)) or {"email_address": email, "merge_fields": {}}
    shelf.put("members", member_id(email), {**held, "id": member_id(email), "status": status})


def test_five_hundred_people_are_two_calls(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    twins.requests.clear()
    results = mailchimp.upsert(make.batch(*make.people(*range(500))))
    assert all(result.accepted for result in results)
    assert twins.calls() == [f"POST {LIST}", f"POST {LIST}/segments/1001"]
    assert len(tagged(twins)) == 500


def test_who_unsubscribed_is_not_subscribed_again_by_a_list(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    say(twins, "p1@example.com", "unsubscribed")
    results = mailchimp.upsert(make.batch(*make.people(1, 2)))
    assert [result.error for result in results] == ["unsubscribed at the tool", None]
    held = twins.shelf("mailchimp").get("members", member_id("p1@example.com"))
    assert held["status"] == "unsubscribed"
    assert tagged(twins) == [member_id("p2@example.com")]


def test_an_error_in_a_200_is_one_row_s(mailchimp: Destination, twins: Recorder, make: Any) -> None:
    twins.shelf("mailchimp").put("forgotten", member_id("p2@example.com"), {})
    people = [*make.people(1, 2), make.person(3, email="nobody"), make.person(4, email=None)]
    results = mailchimp.upsert(make.batch(*people, make.person(5, email="P1@example.com ")))
    assert [result.error for result in results] == [
        None,
        "ERROR_GENERIC",
        "ERROR_GENERIC",
        "no address",
        "the address belongs to another person of this batch",
    ]
    assert tagged(twins) == [member_id("p1@example.com")]


def test_a_new_address_takes_the_tag_off_the_old_one(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    (first,) = mailchimp.upsert(make.batch(make.person(1)))
    moved = make.person(1, email="new@example.com", remote_id=first.remote_id, is_listed=True)
    (second,) = mailchimp.upsert(make.batch(moved))
    assert tagged(twins) == [second.remote_id] == [member_id("new@example.com")]


def test_who_leaves_loses_the_tag_under_whatever_address_and_stays_a_member(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    people = make.people(1, 2, 3)
    results = mailchimp.upsert(make.batch(*people))
    people = [replace(p, remote_id=r.remote_id) for p, r in zip(people, results, strict=True)]
    leaving = [
        replace(people[0], traits={"score": None}),
        replace(people[1], email="elsewhere@example.com", traits={}),
        replace(people[2], email=None, traits={}),
    ]
    assert all(result.accepted for result in mailchimp.remove(make.batch(*leaving)))
    assert tagged(twins) == []
    shelf = twins.shelf("mailchimp")
    assert shelf.count("members") == 3
    fields = {body["name"]: body["tag"] for _, body in shelf.list("fields")}
    scores = [body["merge_fields"][fields["score"]] for _, body in shelf.list("members")]
    assert sorted(map(str, scores)) == ["", "2", "3"]


def test_who_is_out_is_pulled_with_the_reason(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    mailchimp.upsert(make.batch(*make.people(1, 2, 3, 4)))
    say(twins, "p1@example.com", "unsubscribed")
    say(twins, "p2@example.com", "cleaned")
    say(twins, "p3@example.com", "archived")
    report = {"email_id": member_id("p4@example.com"), "email_address": "p4@example.com"}
    twins.shelf("mailchimp").put("abuse", "1", report)
    said = {contact.email: contact.says for contact in mailchimp.contacts()}
    assert said == {
        "p1@example.com": ("unsubscribed",),
        "p2@example.com": ("bounced",),
        "p3@example.com": ("deleted",),
        "p4@example.com": ("complained",),
    }


def test_a_lost_ledger_can_be_read_back(mailchimp: Destination, make: Any) -> None:
    mailchimp.upsert(make.batch(*make.people(1, 2)))
    there = mailchimp.members(make.audience)
    assert there is not None
    assert sorted(str(contact.external_id) for contact in there) == ["customer_1", "customer_2"]


def test_who_is_erased_does_not_come_back(
    mailchimp: Destination, twins: Recorder, make: Any
) -> None:
    mailchimp.upsert(make.batch(make.person(1)))
    assert mailchimp.erase(make.person(1)) == "deleted"
    assert mailchimp.erase(make.person(1)) == "not there"
    assert tagged(twins) == []
    (result,) = mailchimp.upsert(make.batch(make.person(1)))
    assert result.error == "ERROR_GENERIC"


def test_a_bare_403_is_waited_out(mailchimp: Destination, twins: Recorder, make: Any) -> None:
    twins.fault("mailchimp", "403", times=2)
    assert all(result.accepted for result in mailchimp.upsert(make.batch(*make.people(1, 2))))
    twins.fault("mailchimp", "expired_token")
    with pytest.raises(GiveUp, match='connection "mailchimp"'):
        mailchimp.upsert(make.batch(make.person(3)))


def test_the_host_is_read_from_the_key() -> None:
    tool = Mailchimp(None, Connection("mailchimp", password="0123-us21"))
    assert str(tool._client._http.base_url) == "https://us21.api.mailchimp.com"
    tool.close()
    with pytest.raises(ConfigError, match="data centre"):
        Mailchimp(None, Connection("mailchimp", password="0123"))

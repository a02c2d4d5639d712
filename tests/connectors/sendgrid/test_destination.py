"""SendGrid's own traps; the rest is in tests/contracts."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rapport.vendors.destination import Audience, Batch, BatchRefused, Destination, Job, Result
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.sendgrid import contact_id


@pytest.fixture
def sendgrid(tool: Callable[..., Destination], make: Any) -> Destination:
    opened = tool("sendgrid", group="5")
    opened.prepare(make.audience)
    return opened


def through(tool: Destination, batch: Batch) -> Sequence[Result]:
    job = tool.upsert(batch)
    assert isinstance(job, Job)
    while (results := tool.poll(job, batch)) is None:
        pass
    return results


def lists(twins: Recorder, email: str) -> list[str]:
    return (twins.shelf("sendgrid").get("contacts", contact_id(email)) or {"list_ids": []})[
        "list_ids"
    ]


def test_accepted_is_not_applied(sendgrid: Destination, twins: Recorder, make: Any) -> None:
    batch = make.batch(*make.people(1))
    job = sendgrid.upsert(batch)
    assert isinstance(job, Job)
    assert sendgrid.poll(job, batch) is None
    assert twins.shelf("sendgrid").count("contacts") == 0
    assert sendgrid.poll(job, batch) == [Result("customer_1", contact_id("p1@example.com"))]


def test_a_job_that_does_not_say_for_whom_it_failed_is_read_back(
    sendgrid: Destination, twins: Recorder, make: Any
) -> None:
    people = (make.person(1), make.person(2, email="nobody"), make.person(3, email=None))
    results = through(sendgrid, make.batch(*people))
    assert [result.error for result in results] == [
        None,
        "the job ended as errored without this contact",
        "no address",
    ]


def test_a_job_that_failed_accepts_nobody(
    sendgrid: Destination, twins: Recorder, make: Any
) -> None:
    batch = make.batch(*make.people(1, 2))
    job = sendgrid.upsert(batch)
    assert isinstance(job, Job)
    held = twins.shelf("sendgrid").get("jobs", job.id)
    twins.shelf("sendgrid").put("jobs", job.id, {**held, "status": "failed"})
    results = sendgrid.poll(job, batch)
    assert results is not None
    assert not any(result.accepted for result in results)


def test_an_address_in_capitals_is_found_again(sendgrid: Destination, make: Any) -> None:
    (result,) = through(sendgrid, make.batch(make.person(1, email="P1@Example.com")))
    assert result == Result("customer_1", contact_id("p1@example.com"))


def test_a_field_that_is_not_there_leaves_the_batch_to_be_halved(
    sendgrid: Destination, twins: Recorder, make: Any
) -> None:
    twins.shelf("sendgrid").drop("fields", "e1_T")
    with pytest.raises(BatchRefused, match="400 unknown_field"):
        sendgrid.upsert(make.batch(make.person(1)))


def test_who_leaves_is_off_the_list_and_still_a_contact(
    sendgrid: Destination, twins: Recorder, make: Any
) -> None:
    people = make.people(1, 2)
    results = through(sendgrid, make.batch(*people))
    leaving = (replace(people[0], remote_id=results[0].remote_id, email=None), people[1])
    assert all(result.accepted for result in sendgrid.remove(make.batch(*leaving)))
    assert lists(twins, "p1@example.com") == lists(twins, "p2@example.com") == []
    assert twins.shelf("sendgrid").count("contacts") == 2


def test_a_list_on_a_later_page_is_found_and_not_made_again(
    sendgrid: Destination, twins: Recorder, make: Any, tool: Callable[..., Destination]
) -> None:
    for number in range(4):
        sendgrid.prepare(Audience(f"other_{number}", "Other", "email", "marketing"))
    again = tool("sendgrid")
    again.prepare(Audience("other_3", "Other", "email", "marketing"))
    assert twins.shelf("sendgrid").count("lists") == 5


def test_every_kind_of_no_is_pulled(sendgrid: Destination, twins: Recorder) -> None:
    shelf = twins.shelf("sendgrid")
    for number in range(501):
        email = f"u{number}@example.com"
        shelf.put("unsubscribes", email, {"email": email, "created": 1})
    for kind in ("bounces", "invalid_emails", "spam_reports"):
        shelf.put(kind, f"{kind}@example.com", {"email": f"{kind}@example.com", "created": 1})
    shelf.put("groups", "5", {"emails": ["group@example.com"]})
    said = {contact.email: contact.says for contact in sendgrid.contacts()}
    assert len(said) == 505
    assert said["spam_reports@example.com"] == ("complained",)
    assert said["bounces@example.com"] == said["invalid_emails@example.com"] == ("bounced",)
    assert said["group@example.com"] == said["u500@example.com"] == ("unsubscribed",)


def test_erasure_never_asks_for_everybody(
    sendgrid: Destination, twins: Recorder, make: Any
) -> None:
    through(sendgrid, make.batch(make.person(1)))
    twins.requests.clear()
    assert sendgrid.erase(make.person(1)) == "deletion asked for"
    assert twins.shelf("sendgrid").count("contacts") == 0
    assert not [one for one in twins.requests if "delete_all" in one["query"]]

"""SendGrid's mail has traps of its own; the rest is in tests/contracts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rapport.activation.sync.send import send
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.destination import Audience, BatchRefused, Destination
from rapport_sandbox.recorder import Recorder

TEMPLATE = "d-0123456789abcdef0123456789abcdef"
OPTIONS = {"from": "Example <hello@example.com>", "templates": {"*": TEMPLATE}, "group": 5}


@pytest.fixture
def mail(tool: Callable[..., Destination]) -> Destination:
    return tool("sendgrid_mail", **OPTIONS)


def sent(twins: Recorder) -> list[dict[str, Any]]:
    return [body for _, body in twins.shelf("sendgrid_mail").list("mails")]


def test_each_gets_a_mail_of_their_own_in_one_call(
    mail: Destination, twins: Recorder, make: Any
) -> None:
    assert all(result.accepted for result in mail.upsert(make.batch(*make.people(1, 2))))
    assert twins.calls("/mail/send") == ["POST /sendgrid_mail/v3/mail/send"]
    first, second = sent(twins)
    assert first["to"] == [{"email": "p1@example.com"}]
    assert second["to"] == [{"email": "p2@example.com"}]
    assert first["dynamic_template_data"] == {"score": 1, "first_name": "Person"}
    assert first["from"] == {"email": "hello@example.com", "name": "Example"}
    assert (first["template_id"], first["asm"]) == (TEMPLATE, {"group_id": 5})


def test_who_is_on_the_list_gets_no_second_mail(
    mail: Destination, twins: Recorder, make: Any
) -> None:
    people = (make.person(1, is_listed=True), make.person(2))
    assert all(result.accepted for result in mail.upsert(make.batch(*people)))
    assert mail.remove(make.batch(make.person(1)))[0].accepted
    assert [one["to"][0]["email"] for one in sent(twins)] == ["p2@example.com"]


def test_one_address_that_refuses_the_whole_call_costs_only_its_own_person(
    mail: Destination, twins: Recorder, make: Any
) -> None:
    people = (make.person(1), make.person(2, email="two@words@x"), make.person(3, email=None))
    batch = make.batch(*people)
    with pytest.raises(BatchRefused, match=r"400 personalizations\.1\.to\.0\.email"):
        mail.upsert(batch)
    assert sent(twins) == []
    results = send(mail, batch, leavers=False)
    assert [result.error for result in results] == [
        None, "400 personalizations.0.to.0.email", "no address",
    ]  # fmt: skip
    assert [one["to"][0]["email"] for one in sent(twins)] == ["p1@example.com"]


def test_suppressions_and_who_left_the_group_are_pulled(mail: Destination, twins: Recorder) -> None:
    shelf = twins.shelf("sendgrid_mail")
    shelf.put("bounces", "b@example.com", {"email": "b@example.com"})
    shelf.put("groups", "5", {"emails": ["g@example.com"]})
    found = {contact.email: contact.says for contact in mail.contacts()}
    assert found == {"b@example.com": ("bounced",), "g@example.com": ("unsubscribed",)}


def test_options_are_refused_before_anything_is_sent(tool: Callable[..., Destination]) -> None:
    with pytest.raises(ConfigError, match=r"sendgrid_mail\.from"):
        tool("sendgrid_mail", **{**OPTIONS, "from": "nobody"})
    reminders = Audience("readers", "Readers", "email", "service")
    silent = tool("sendgrid_mail", **{**OPTIONS, "group": None})
    silent.prepare(reminders)
    with pytest.raises(ConfigError, match="people must be able to unsubscribe"):
        silent.prepare(replace(reminders, purpose="feedback"))
    with pytest.raises(ConfigError, match="no template for the segment readers"):
        tool("sendgrid_mail", **{**OPTIONS, "templates": {}}).prepare(reminders)


def test_a_key_that_may_not_send_gives_up(mail: Destination, twins: Recorder, make: Any) -> None:
    twins.fault("sendgrid_mail", "403", times=10)
    with pytest.raises(GiveUp, match="403"):
        mail.upsert(make.batch(make.person(1)))
    assert sent(twins) == []

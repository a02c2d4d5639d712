"""Twilio's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.errors import ConfigError
from rapport.vendors.destination import Audience, Destination
from rapport_sandbox.recorder import Recorder

SENDER = "+15005550006"
AUDIENCE = Audience("readers", "Readers", "sms", "service", {"score": "integer"})


@pytest.fixture
def twilio(tool: Callable[..., Destination]) -> Destination:
    return tool("twilio", **{"from": SENDER, "messages": {"*": "Hello {first_name}: {score}"}})


def sent(twins: Recorder) -> list[tuple[str, str]]:
    return [(body["to"], body["body"]) for _, body in twins.shelf("twilio").list("messages")]


def hear(twins: Recorder, number: int, sender: str, text: str) -> None:
    sid = f"in{number:04d}"
    body = {"sid": sid, "to": SENDER, "from": sender, "body": text, "status": "received",
            "direction": "inbound", "date_sent": "2026-03-30"}  # fmt: skip
    twins.shelf("twilio").put("messages", sid, body)


def test_a_batch_that_comes_again_reaches_nobody_twice(
    twilio: Destination, twins: Recorder, make: Any
) -> None:
    batch = make.batch(make.person(1, phone="+49301111111"), audience=AUDIENCE)
    twins.fault(
        "twilio", "500_after", route="/2010-04-01/Accounts/{account}/Messages.json", after=1
    )
    first = twilio.upsert(make.batch(make.person(2, phone="+49302222222"), audience=AUDIENCE))
    assert first[0].accepted
    assert twilio.upsert(batch) == twilio.upsert(batch)
    assert sent(twins).count(("+49301111111", "Hello Person: 1")) == 1


def test_each_refusal_is_one_person_s_and_names_nobody(
    twilio: Destination, twins: Recorder, make: Any
) -> None:
    twins.shelf("twilio").put("stopped", "+49302222222", {})
    people = (
        make.person(1, phone="+49301111111"),
        make.person(2, phone="+49302222222"),
        make.person(3, phone="12"),
        make.person(4, phone=None),
        make.person(5, phone="+49305555555", traits={}),
        make.person(6, phone="+49306666666", full_name="x" * 1700),
    )
    results = twilio.upsert(make.batch(*people, audience=AUDIENCE))
    assert [result.error for result in results] == [
        None,
        "21610 opted out",
        "21211 not a phone number",
        "no number",
        "the text needs a trait that this person has not",
        "the text is too long",
    ]
    assert sent(twins) == [("+49301111111", "Hello Person: 1")]


def test_the_last_word_of_a_number_holds_and_is_about_text_messages(
    twilio: Destination, twins: Recorder
) -> None:
    for number, (sender, text) in enumerate(
        [
            ("+491", " stop "),
            ("+492", "STOP"),
            ("+492", "thank you"),
            ("+493", "STOP"),
            ("+493", "Start"),
            ("+494", "please stop calling my dog"),
        ]
    ):
        hear(twins, number, sender, text)
    found = list(twilio.contacts())
    assert {one.phone for one in found} == {"+491", "+492"}
    assert {(one.says, one.channel, one.email) for one in found} == {
        (("unsubscribed",), "sms", None)
    }


def test_more_than_a_page_of_answers_is_read(twilio: Destination, twins: Recorder) -> None:
    for number in range(1001):
        hear(twins, number, f"+49{number}", "STOP")
    assert len(list(twilio.contacts())) == 1001


def test_a_segment_without_a_text_is_refused_before_anybody_gets_one(
    tool: Callable[..., Destination],
) -> None:
    opened = tool("twilio", **{"from": SENDER})
    with pytest.raises(ConfigError, match="no text for the segment readers"):
        opened.prepare(AUDIENCE)
    opened.prepare(Audience("readers", "Readers", "sms", "service", {"message": "string"}))
    with pytest.raises(ConfigError, match="number that sends"):
        tool("twilio")


def test_a_trait_may_be_the_text_and_a_service_the_sender(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    opened = tool("twilio", **{"from": "MG00"})
    person = make.person(1, phone="+49301111111", traits={"message": "Hi {score}"})
    opened.upsert(make.batch(person, audience=AUDIENCE))
    assert sent(twins) == [("+49301111111", "Hi {score}")]
    assert twins.writes[0]["body"]["MessagingServiceSid"] == "MG00"
    assert list(opened.contacts()) == []


def test_erasure_deletes_what_was_said_both_ways(
    twilio: Destination, twins: Recorder, make: Any
) -> None:
    person = make.person(1, phone="+49301111111")
    twilio.upsert(make.batch(person, audience=AUDIENCE))
    hear(twins, 1, "+49301111111", "thank you")
    hear(twins, 2, "+49302222222", "other")
    assert twilio.erase(person) == "deleted"
    assert twins.shelf("twilio").count("messages") == 1
    assert twilio.erase(person) == "not there"

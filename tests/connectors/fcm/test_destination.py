"""Firebase's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rapport.connectors.fcm.destination import Fcm
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.destination import Audience, Destination
from rapport_sandbox.recorder import Recorder

AUDIENCE = Audience("readers", "Readers", "push", "service", {"score": "integer", "push": "string"})
MESSAGES = {"readers": {"title": "Hello {first_name}", "body": "You have {score}"}}


@pytest.fixture
def fcm(tool: Callable[..., Destination]) -> Destination:
    return tool("fcm", token="push", messages=MESSAGES)


@pytest.fixture
def person(make: Any) -> Callable[..., Any]:
    def make_one(number: int, push: str | None = None, **traits: Any) -> Any:
        return make.person(number, traits={"score": number, "push": push, **traits})

    return make_one


def devices(twins: Recorder, *tokens: str, **error: Any) -> None:
    for token in tokens:
        twins.shelf("fcm").put("devices", token, error)


def sent(twins: Recorder) -> list[tuple[str, dict[str, str]]]:
    return [
        (body.get("token") or body["topic"], body["notification"])
        for _, body in twins.shelf("fcm").list("messages")
    ]


def test_a_message_goes_to_each_device_that_the_trait_names(
    fcm: Destination, twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "a:1", "b:2")
    results = fcm.upsert(make.batch(person(1, "a:1 b:2 a:1"), person(2), audience=AUDIENCE))
    assert [result.error for result in results] == [None, "no token"]
    shown = {"title": "Hello Person", "body": "You have 1"}
    assert sent(twins) == [("a:1", shown), ("b:2", shown)]


def test_a_device_whose_app_is_gone_is_passed_over_and_is_a_refusal_where_it_is_the_last(
    fcm: Destination, twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "new:1")
    devices(twins, "old:1", "old:2", status=404, error="UNREGISTERED")
    devices(twins, "other:1", status=403, error="SENDER_ID_MISMATCH")
    people = (
        person(1, "old:1 new:1"),
        person(2, "old:2"),
        person(3, "nothing"),
        person(4, "other:1"),
    )
    results = fcm.upsert(make.batch(*people, audience=AUDIENCE))
    assert [result.error for result in results] == [
        None,
        "UNREGISTERED: the app is gone from this device",
        "INVALID_ARGUMENT",
        "SENDER_ID_MISMATCH",
    ]
    assert not any(token in str(results) for token in ("old:2", "nothing", "other:1"))


def test_a_topic_needs_no_token(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    opened = tool("fcm", topic="user_{user_id}", messages={"*": "Hello {first_name}"})
    people = (make.person(1, user_id="u_1"), make.person(2), make.person(3, user_id="no topic"))
    results = opened.upsert(make.batch(*people, audience=AUDIENCE))
    assert [result.error for result in results] == [None, "no user_id", "INVALID_ARGUMENT"]
    assert sent(twins) == [("user_u_1", {"body": "Hello Person"})]


def test_a_message_that_comes_again_is_shown_once_by_its_id(
    fcm: Destination, twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "a:1", "b:2")
    batch = make.batch(person(1, "a:1"), person(2, "b:2"), audience=AUDIENCE)
    fcm.upsert(batch)
    fcm.upsert(batch)
    ids = [
        (body["android"]["collapse_key"], body["android"]["notification"]["tag"],
         body["apns"]["headers"]["apns-collapse-id"], body["webpush"]["headers"]["Topic"])
        for _, body in twins.shelf("fcm").list("messages")
    ]  # fmt: skip
    assert len(ids) == 4
    assert len({id for many in ids for id in many}) == 2
    assert all(len(id) == 32 for many in ids for id in many)


def test_over_the_quota_everybody_waits_for_the_next_minute(
    twins: Recorder, make: Any, person: Any
) -> None:
    waits: list[float] = []
    options = {"token": "push", "messages": MESSAGES}
    fcm = Fcm(options, twins.connection("fcm"), sleep=waits.append)
    devices(twins, "a:1")
    twins.fault("fcm", "429_no_retry_after", route="/v1/projects/*")
    assert fcm.upsert(make.batch(person(1, "a:1"), audience=AUDIENCE))[0].accepted
    assert max(waits) == pytest.approx(60, abs=2)
    twins.fault("fcm", "429", retry_after=7, route="/v1/projects/*", times=10)
    with pytest.raises(RetryLater, match=r"429 on POST .*, 6 attempts"):
        fcm.upsert(make.batch(person(1, "a:1"), audience=AUDIENCE))
    fcm.close()


def test_the_login_is_an_assertion_that_only_the_key_can_sign(
    twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "a:1")
    right = twins.connection("fcm")
    options = {"token": "push", "messages": MESSAGES}
    for wrong in (replace(right, login="x@example.com"), replace(right, password=another_key())):
        fcm = Fcm(options, wrong, sleep=lambda seconds: None)
        with pytest.raises(GiveUp, match="login is refused"):
            fcm.upsert(make.batch(person(1, "a:1"), audience=AUDIENCE))
        fcm.close()
    assert sent(twins) == []
    with pytest.raises(ConfigError, match="no private key"):
        Fcm(options, replace(right, password="x"))
    escaped = replace(right, password=right.password.replace("\n", "\\n"))
    fcm = Fcm(options, escaped, sleep=lambda seconds: None)
    twins.requests.clear()
    for _ in range(2):
        assert fcm.upsert(make.batch(person(1, "a:1"), audience=AUDIENCE))[0].accepted
    assert [asked["path"] for asked in twins.requests].count("/fcm/token") == 1
    fcm.close()


def test_what_is_wrong_with_the_project_is_nobodys_refusal(
    twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "a:1")
    wrong = replace(twins.connection("fcm"), extra={"project_id": "another"})
    fcm = Fcm({"token": "push", "messages": MESSAGES}, wrong, sleep=lambda seconds: None)
    with pytest.raises(GiveUp, match="403 PERMISSION_DENIED"):
        fcm.upsert(make.batch(person(1, "a:1"), audience=AUDIENCE))
    fcm.close()


def test_options_say_where_the_token_comes_from_and_what_is_said(
    tool: Callable[..., Destination],
) -> None:
    for options in ({}, {"token": "push", "topic": "user_{user_id}"}):
        with pytest.raises(ConfigError, match="either `token`"):
            tool("fcm", **options)
    with pytest.raises(ConfigError, match="no text for the segment readers"):
        tool("fcm", token="push").prepare(AUDIENCE)
    with pytest.raises(ConfigError, match="has no trait device"):
        tool("fcm", token="device", messages=MESSAGES).prepare(AUDIENCE)


def test_the_trait_message_is_the_text_where_no_other_is(
    tool: Callable[..., Destination], twins: Recorder, make: Any, person: Any
) -> None:
    devices(twins, "a:1")
    opened = tool("fcm", token="push")
    people = (person(1, "a:1", message="Hi {score}"), person(2, "a:1"))
    results = opened.upsert(make.batch(*people, audience=AUDIENCE))
    assert sent(twins) == [("a:1", {"body": "Hi {score}"})]
    assert results[1].error == "the text needs a trait that this person has not"


def another_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()

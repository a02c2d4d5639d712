"""OneSignal's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rapport.errors import ConfigError
from rapport.vendors.destination import Audience, Batch, Destination
from rapport_sandbox.recorder import Recorder

AUDIENCE = Audience("readers", "Readers", "push", "marketing", {"score": "integer"})
NOBODY = "nobody was reached: no subscription of this user takes a push"


@pytest.fixture
def onesignal(tool: Callable[..., Destination]) -> Destination:
    return tool("onesignal")


@pytest.fixture
def sending(tool: Callable[..., Destination]) -> Destination:
    return tool("onesignal", messages={"readers": "Hello {first_name}: {score}"})


def app_of(twins: Recorder, *ids: str, takes_push: bool = True) -> None:
    """These have the app on a phone, and take what is pushed or do not."""
    for id in ids:
        twins.shelf("onesignal").put("users", id, {"tags": {}, "takes_push": takes_push})


def tags(twins: Recorder, id: str) -> dict[str, str]:
    return (twins.shelf("onesignal").get("users", id) or {}).get("tags", {})


def sent(twins: Recorder) -> list[tuple[list[str], str]]:
    messages = twins.shelf("onesignal").list("messages")
    return [(body["to"], body["text"]) for _, body in messages]


def batch(make: Any, *people: Any) -> Batch:
    return make.batch(*people, audience=AUDIENCE)


def test_tags_are_the_list_and_an_empty_one_goes_away(
    onesignal: Destination, twins: Recorder, make: Any
) -> None:
    app_of(twins, "u_1")
    onesignal.upsert(batch(make, make.person(1, user_id="u_1", traits={"score": 7, "vip": True})))
    assert tags(twins, "u_1") == {
        "rapport_readers": "true", "rapport_score": "7", "rapport_vip": "true"
    }  # fmt: skip
    onesignal.upsert(batch(make, make.person(1, user_id="u_1", traits={"vip": None})))
    assert "rapport_vip" not in tags(twins, "u_1")
    leaving = make.person(1, remote_id="u_1", traits={"score": None})
    assert onesignal.remove(batch(make, leaving))[0].accepted
    assert tags(twins, "u_1") == {}
    assert sent(twins) == []


def test_who_has_no_app_yet_is_made_and_who_leaves_without_one_is_not(
    onesignal: Destination, twins: Recorder, make: Any
) -> None:
    assert onesignal.upsert(batch(make, make.person(1, user_id="u_1")))[0].accepted
    assert tags(twins, "u_1")["rapport_readers"] == "true"
    assert onesignal.remove(batch(make, make.person(2, user_id="u_2")))[0].accepted
    assert twins.shelf("onesignal").get("users", "u_2") is None


def test_another_user_id_takes_the_tags_along(
    onesignal: Destination, twins: Recorder, make: Any
) -> None:
    onesignal.upsert(batch(make, make.person(1, user_id="u/1")))
    merged = make.person(1, user_id="u_2", remote_id="u/1", is_listed=True)
    assert onesignal.upsert(batch(make, merged))[0].remote_id == "u_2"
    assert tags(twins, "u/1") == {}
    assert tags(twins, "u_2")["rapport_readers"] == "true"


def test_more_tags_than_the_plan_holds_are_one_persons_refusal(
    onesignal: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["onesignal"] = {"most_tags": 1}
    people = (make.person(1, user_id="u_1", traits={}), make.person(2, user_id="u_2"))
    results = onesignal.upsert(batch(make, *people, make.person(3)))
    assert [result.error for result in results] == [
        None,
        "409 entitlements-tag-limit",
        "no user_id: a segment for OneSignal has the channel push",
    ]


def test_who_enters_gets_one_push_however_often_the_batch_comes(
    sending: Destination, twins: Recorder, make: Any
) -> None:
    app_of(twins, "u_1")
    person = make.person(1, user_id="u_1")
    twins.fault("onesignal", "500_after", route="/notifications")
    assert sending.upsert(batch(make, person)) == sending.upsert(batch(make, person))
    sending.upsert(batch(make, make.person(1, user_id="u_1", is_listed=True)))
    assert sent(twins) == [(["u_1"], "Hello Person: 1")]
    keys = {
        asked["body"]["idempotency_key"]
        for asked in twins.requests
        if asked["path"].endswith("/notifications")
    }
    assert len(keys) == 1
    later = batch(make, person)
    later = Batch("b", AUDIENCE, later.people, later.run_id, later.as_of + timedelta(days=1))
    assert sending.upsert(later)[0].accepted
    assert len(sent(twins)) == 2


@pytest.mark.parametrize("names_users", [0, 1])
def test_a_200_that_reached_nobody_is_a_refusal_and_leaves_no_tag(
    sending: Destination, twins: Recorder, make: Any, names_users: int
) -> None:
    twins.gate.limits.options["onesignal"] = {"names_users": names_users}
    app_of(twins, "u_1")
    app_of(twins, "u_2", takes_push=False)
    people = [make.person(number, user_id=f"u_{number}") for number in (1, 2, 3)]
    results = sending.upsert(batch(make, *people))
    assert [result.error for result in results] == [None, NOBODY, NOBODY]
    assert (tags(twins, "u_2"), twins.shelf("onesignal").get("users", "u_3")) == ({}, None)


def test_a_text_that_needs_more_than_is_known_is_not_sent(
    sending: Destination, twins: Recorder, make: Any
) -> None:
    app_of(twins, "u_1")
    (result,) = sending.upsert(batch(make, make.person(1, user_id="u_1", traits={})))
    assert result.error == "the text needs a trait that this person has not"
    assert twins.writes == []


def test_a_limit_names_its_seconds_in_a_header_of_its_own(
    onesignal: Destination, twins: Recorder, make: Any
) -> None:
    waits: list[float] = []
    onesignal._client._sleep = waits.append
    twins.fault("onesignal", "429", retry_after=17)
    assert onesignal.upsert(batch(make, make.person(1, user_id="u_1")))[0].accepted
    assert waits == [pytest.approx(17, abs=1)]


def test_erasure_deletes_the_user(onesignal: Destination, twins: Recorder, make: Any) -> None:
    app_of(twins, "u_1")
    assert onesignal.erase(make.person(1, remote_id="u_1")) == "deleted"
    assert onesignal.erase(make.person(1, remote_id="u_1")) == "not there"
    assert onesignal.erase(make.person(1)) == "not there"


def test_without_an_app_it_says_what_is_missing() -> None:
    from rapport.connectors.onesignal.destination import OneSignal

    with pytest.raises(ConfigError, match="app ID"):
        OneSignal()

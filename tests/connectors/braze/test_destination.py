"""Braze's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.errors import RetryLater
from rapport.vendors.destination import BatchRefused, Destination
from rapport_sandbox.recorder import Recorder


@pytest.fixture
def braze(tool: Callable[..., Destination]) -> Destination:
    return tool("braze")


def test_success_may_leave_rows_out(braze: Destination, twins: Recorder, make: Any) -> None:
    bad = make.person(2, email="nobody")
    results = braze.upsert(make.batch(make.person(1), bad, make.person(3)))
    assert [result.error for result in results] == [None, "refused", None]
    assert [id for id, _ in twins.shelf("braze").list("users")] == ["customer_1", "customer_3"]


def test_another_message_than_success_took_nothing(
    braze: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["braze"] = {"says_queue_full": 1}
    with pytest.raises(RetryLater, match="no success"):
        braze.upsert(make.batch(make.person(1)))


def test_an_error_that_names_no_row_leaves_the_batch_to_be_halved(
    braze: Destination, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"message": "success", "errors": [{"type": "something", "input_array": "events"}]}
    monkeypatch.setattr("rapport.connectors.braze.destination.body_of", lambda answer: body)
    with pytest.raises(BatchRefused, match="names no row"):
        braze.upsert(make.batch(make.person(1)))


def test_a_changed_row_does_not_pay_for_the_segment_again(
    braze: Destination, twins: Recorder, make: Any
) -> None:
    braze.upsert(make.batch(make.person(1)))
    braze.upsert(make.batch(make.person(1, is_listed=True, traits={"score": 9})))
    first, second = (asked["body"]["attributes"][0] for asked in twins.requests)
    assert first["rapport_readers"] is True
    assert "rapport_readers" not in second
    held = twins.shelf("braze").get("users", "customer_1")
    assert (held["rapport_readers"], held["rapport_score"]) == (True, 9)


def test_who_leaves_loses_the_attribute_and_a_stranger_is_not_made(
    braze: Destination, twins: Recorder, make: Any
) -> None:
    braze.upsert(make.batch(make.person(1)))
    leaving = (make.person(1, traits={"score": None}), make.person(2, traits={}))
    assert all(result.accepted for result in braze.remove(make.batch(*leaving)))
    assert [id for id, _ in twins.shelf("braze").list("users")] == ["customer_1"]
    held = twins.shelf("braze").get("users", "customer_1")
    assert not [name for name in held if name.startswith("rapport_")]


def test_who_is_out_is_pulled_page_by_page(braze: Destination, twins: Recorder) -> None:
    shelf = twins.shelf("braze")
    for number in range(501):
        email = f"p{number}@example.com"
        shelf.put("unsubscribes", f"{number:04d}", {"email": email, "unsubscribed_at": "x"})
    shelf.put("bounces", "1", {"email": "b@example.com", "hard_bounced_at": "x"})
    found = list(braze.contacts())
    assert len(found) == 502
    assert found[0].says == ("unsubscribed",)
    assert (found[-1].email, found[-1].says) == ("b@example.com", ("bounced",))


def test_erasure_deletes_under_every_id(braze: Destination, twins: Recorder, make: Any) -> None:
    braze.upsert(make.batch(make.person(1)))
    assert braze.erase(make.person(7, aliases=("customer_1",))) == "deleted"
    assert braze.erase(make.person(8)) == "not there"
    assert twins.shelf("braze").count("users") == 0

"""ELMA365's own traps; the rest is in tests/contracts."""

from collections.abc import Callable
from typing import Any

import pytest

from rapport.errors import ConfigError, RetryLater
from rapport.vendors.destination import Destination
from rapport_sandbox.recorder import OPTIONS, Recorder


@pytest.fixture
def elma365(tool: Callable[..., Destination]) -> Destination:
    return tool("elma365", **OPTIONS["elma365"])


def items(twins: Recorder) -> list[dict[str, Any]]:
    return [held for _, held in twins.shelf("elma365").list("people")]


def test_a_person_is_one_item_with_a_field_a_segment(
    elma365: Destination, twins: Recorder, make: Any
) -> None:
    (first,) = elma365.upsert(make.batch(make.person(1)))
    (item,) = items(twins)
    assert item["_email"] == [{"type": "main", "email": "p1@example.com"}]
    assert (item["rapport_readers"], item["rapport_score"]) == (True, 1)
    changed = make.person(1, remote_id=first.remote_id, traits={"score": None}, is_listed=True)
    assert elma365.upsert(make.batch(changed))[0].remote_id == first.remote_id
    assert items(twins)[0]["rapport_score"] is None
    elma365.remove(make.batch(make.person(1, remote_id=first.remote_id)))
    assert (len(items(twins)), items(twins)[0]["rapport_readers"]) == (1, False)
    assert list(elma365.members(make.audience) or ()) == []


def test_an_id_that_contains_another_is_another_person(
    elma365: Destination, twins: Recorder, make: Any
) -> None:
    elma365.upsert(make.batch(make.person(11)))
    elma365.upsert(make.batch(make.person(1)))
    assert sorted(item["rapport_id"] for item in items(twins)) == ["customer_1", "customer_11"]
    elma365.remove(make.batch(make.person(1)))
    assert [c.external_id for c in elma365.members(make.audience) or ()] == ["customer_11"]


def test_a_merged_person_has_one_item_on_the_list(
    elma365: Destination, twins: Recorder, make: Any
) -> None:
    elma365.upsert(make.batch(make.person(1), make.person(2)))
    elma365.upsert(make.batch(make.person(1, aliases=("customer_2",))))
    assert [c.external_id for c in elma365.members(make.audience) or ()] == ["customer_1"]


def test_a_200_without_success_refuses_the_row_and_quotes_nobody(
    elma365: Destination, make: Any
) -> None:
    results = elma365.upsert(make.batch(make.person(1), make.person(2, email="nobody")))
    assert [result.error for result in results] == [None, "success is false: a value was refused"]


def test_a_field_that_the_app_does_not_have_is_not_taken_for_written(
    elma365: Destination, twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["elma365"] = {"without_field": "rapport_readers"}
    (result,) = elma365.upsert(make.batch(make.person(1)))
    assert result.error == "the app has no field rapport_readers"


def test_an_item_that_was_deleted_there_is_made_again(
    elma365: Destination, twins: Recorder, make: Any
) -> None:
    (first,) = elma365.upsert(make.batch(make.person(1)))
    twins.shelf("elma365").drop("people", first.remote_id)
    again = make.person(1, remote_id=first.remote_id, is_listed=True)
    assert elma365.upsert(make.batch(again))[0].accepted
    assert len(items(twins)) == 1


def test_a_list_that_failed_is_not_an_empty_one(
    elma365: Destination, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.connectors.elma365.destination.LARGEST_PAGE", 101)
    with pytest.raises(RetryLater, match="says that it failed"):
        elma365.upsert(make.batch(make.person(1)))


def test_the_app_is_named_by_the_company(tool: Callable[..., Destination]) -> None:
    with pytest.raises(ConfigError, match="name the app"):
        tool("elma365")

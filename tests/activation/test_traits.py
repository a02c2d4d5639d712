"""A trait that is declared no more is cleared at the tool."""

from typing import Any

import pytest


@pytest.fixture
def scored(world: Any) -> Any:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    assert world.tool.lists["readers"]["ann"]["score"] == 1
    return world


def without_traits(world: Any, key: str = "readers") -> None:
    world.segments[key] = world.segments[key].model_copy(update={"traits": {}})


def test_its_value_is_cleared_with_the_next_night_and_only_once(scored: Any) -> None:
    without_traits(scored)
    scored.night()
    assert scored.tool.lists["readers"]["ann"]["score"] is None
    scored.customers("cid")
    scored.members("readers", "ann", "bob", "cid")
    scored.night()
    assert [people for _, _, people in scored.tool.calls] == [["cid"]]
    assert "score" not in scored.tool.lists["readers"]["cid"]


def test_a_renamed_trait_is_cleared_under_its_old_name(scored: Any) -> None:
    segment = scored.segments["readers"]
    scored.segments["readers"] = segment.model_copy(update={"traits": {"score": "points"}})
    scored.night()
    row = scored.tool.lists["readers"]["ann"]
    assert (row["score"], row["points"]) == (None, 1)


def test_what_another_list_still_gives_stays(scored: Any) -> None:
    scored.segment("billing", ["ann"], purpose="service")
    scored.night()
    without_traits(scored)
    scored.night()
    assert "score" not in scored.tool.lists["readers"]["ann"]
    assert scored.tool.lists["readers"]["bob"]["score"] is None


def test_who_leaves_later_gets_it_cleared_too(scored: Any) -> None:
    without_traits(scored)
    scored.members("readers", "ann")
    removed = {}

    def look(op: str, batch: Any) -> None:
        if op == "remove":
            removed.update({person.customer_id: person.traits for person in batch.people})

    scored.tool.before_call = look
    scored.night()
    assert removed == {"bob": {"score": None}}

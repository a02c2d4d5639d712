"""Lists that are declared no more: people leave them, and who says no leaves at once."""

from typing import Any

import pytest

from rapport.activation.planning.plan import plan_lists
from rapport.activation.sync.push import push_destination

PEOPLE = [f"p{number}" for number in range(6)]


@pytest.fixture
def held(world: Any) -> Any:
    """Six readers on a list."""
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    return world


def no_more_of_the_tool(world: Any) -> None:
    """The destination goes out of the segment's YAML."""
    segment = world.segments["readers"]
    world.segments["readers"] = segment.model_copy(update={"destinations": ()})


def approve(world: Any) -> None:
    world.connection.execute("update activation.approvals set state = 'approved'")


def causes(world: Any) -> list[str]:
    rows = world.connection.execute("select cause from activation.approvals where state='pending'")
    return [row[0] for row in rows]


def test_a_destination_that_a_segment_names_no_more_is_emptied_after_approval(held: Any) -> None:
    no_more_of_the_tool(held)
    held.night()
    assert held.tool.on("readers") == PEOPLE
    (cause,) = causes(held)
    assert cause == "the segment does not name tool any more: all 6 people would leave the list"
    approve(held)
    held.again()
    assert held.tool.on("readers") == []
    stays = "select count(*) from segments.membership where left_at is null"
    assert held.connection.execute(stays).fetchone() == (6,)


@pytest.mark.parametrize("gone", ["its file", "its destination"])
def test_who_withdraws_leaves_a_retired_list_at_once(held: Any, gone: str) -> None:
    held.segments.clear() if gone == "its file" else no_more_of_the_tool(held)
    held.consent("p0", False)
    held.night()
    assert held.tool.on("readers") == PEOPLE[1:]
    held.connection.execute(
        "insert into activation.suppressions values ('other', 'p1', 'unsubscribed', 'email', now())"
    )
    held.night()
    assert held.tool.on("readers") == PEOPLE[2:]


def test_a_list_retired_before_definitions_were_kept_asks_by_its_receipts(held: Any) -> None:
    held.connection.execute("truncate segments.definitions")
    held.segments.clear()
    held.consent("p0", False)
    held.night()
    assert held.tool.on("readers") == PEOPLE[1:]


def test_a_list_that_is_declared_again_stays_as_it_is(held: Any) -> None:
    declared = held.segments["readers"]
    no_more_of_the_tool(held)
    held.night()
    held.segments["readers"] = declared
    held.night()
    assert held.tool.on("readers") == PEOPLE
    assert causes(held) == []


def nights_of(world: Any, enabled: list[str], off: list[str]) -> Any:
    world.night_number += 1
    (plan,) = plan_lists(
        world.connection, world.definitions, enabled, world.options, world.run_id, world.as_of, off
    )
    return plan


def test_a_destination_that_is_turned_off_is_emptied_after_approval(held: Any) -> None:
    held.consent("p0", False)
    for expected in (PEOPLE[1:], []):
        plan = nights_of(held, [], ["tool"])
        push_destination(
            held.connection, held.definitions, held.tool, held.options, held.run_id, held.as_of,
            is_turned_off=True,
        )  # fmt: skip
        assert held.tool.on("readers") == expected
        approve(held)
    assert plan.state == "open"


def test_a_destination_that_is_gone_is_named_with_what_to_do(held: Any) -> None:
    plan = nights_of(held, [], [])
    assert (plan.state, plan.remove) == ("orphaned", 0)
    assert plan.cause.startswith("6 people are still on the list at tool, which is not in rapport")
    assert "enabled: false" in plan.cause
    row = held.connection.execute(
        "select status, plan_state, held from activation.sync_runs where run_id = %s",
        (held.run_id,),
    ).fetchone()
    assert row == ("orphaned", "orphaned", 6)


def test_a_broken_file_keeps_no_other_list_from_retiring(held: Any) -> None:
    held.customers("ann")
    held.segment("writers", ["ann"])
    held.night()
    held.problems = {"seg_writers": "seg_writers.yml:3: not YAML."}
    held.segments.clear()
    held.night()
    approve(held)
    held.again()
    assert held.tool.on("readers") == []
    assert held.tool.on("writers") == ["ann"]


def test_a_tool_that_refuses_the_list_lets_people_leave_all_the_same(held: Any) -> None:
    from rapport.errors import ConfigError

    def refuse(audience: object) -> None:
        raise ConfigError("no text for the segment readers")

    held.tool.prepare = refuse
    held.consent("p0", False)
    held.customers("ann")
    held.members("readers", *PEOPLE, "ann")
    with pytest.raises(ConfigError, match="no text"):
        held.night()
    assert held.tool.on("readers") == PEOPLE[1:]

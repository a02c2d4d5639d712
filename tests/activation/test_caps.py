"""A cap is about messages that reach a person, whatever made them."""

from typing import Any, ClassVar

import pytest

from rapport.activation.sync.push import push_destination
from rapport.activation_options import ActivationOptions, Cap
from rapport.connectors import all_destinations

from .conftest import Tool, World


class Second(Tool):
    name = "second"


class Texts(Tool):
    """Sends with each change, as Twilio does."""

    name = "texts"
    messages_on = "change"
    modes: ClassVar[Any] = ("upsert",)


class Folder(Tool):
    name = "folder"
    messages_on = "nothing"


@pytest.fixture
def capped(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    for kind in (Tool, Second, Texts, Folder):
        monkeypatch.setitem(all_destinations(), kind.name, kind)
    world.options = ActivationOptions(caps={"email": Cap(messages=2, days=7)}, change_floor=1000)
    world.customers("ann")
    return world


def sent(world: World) -> int:
    return sum(len(people) for op, _, people in world.tool.calls if op == "upsert")


def test_an_update_that_sends_is_a_message(capped: World) -> None:
    capped.tool = Texts()
    capped.segment("readers", ["ann"], mode="upsert")
    messages = 0
    for day in range(9):
        capped.members("readers", "ann", score=day)
        capped.night()
        messages += sent(capped)
    assert messages == 4, "two in each window of seven days"
    assert capped.tool.on("readers") == ["ann"]


def test_an_update_that_sends_nothing_is_none(capped: World) -> None:
    capped.segment("readers", ["ann"])
    for day in range(5):
        capped.members("readers", "ann", score=day)
        capped.night()
        assert sent(capped) == 1


def test_somebody_who_leaves_and_enters_again_gets_no_more_than_the_cap(capped: World) -> None:
    capped.segment("readers", ["ann"])
    entered = 0
    for day in range(7):
        capped.members("readers", *(["ann"] if day % 2 == 0 else []))
        capped.night()
        entered += sent(capped)
    assert entered == 2
    assert capped.reasons("readers") == {"ann": "frequency_cap"}


def test_a_service_message_always_goes_out(capped: World) -> None:
    capped.tool = Texts()
    capped.segment("billing", ["ann"], mode="upsert", purpose="service")
    for day in range(5):
        capped.members("billing", "ann", score=day)
        capped.night()
        assert sent(capped) == 1


def test_removal_is_never_capped(capped: World) -> None:
    for key in ("one", "two", "six"):
        capped.segment(key, ["ann"] if key == "one" else [])
    capped.night()
    capped.members("one")
    capped.members("two", "ann")
    capped.night()
    capped.consent("ann", False)
    capped.night()
    assert capped.tool.on("two") == []


def to_both(world: World, other: Tool) -> dict[str, int]:
    """A night in which both tools have the segment; how many each was sent."""
    world.night_number += 1
    first = world.tool
    names = [first.name, other.name]
    for key, segment in world.segments.items():
        world.segments[key] = segment.model_copy(update={"destinations": tuple(names)})
    world.plan()
    world.plan_of(names)
    counts = {}
    for tool in (first, other):
        tool.calls.clear()
        push_destination(
            world.connection, world.definitions, tool, world.options, world.run_id, world.as_of
        )
        counts[tool.name] = sum(len(people) for op, _, people in tool.calls if op == "upsert")
    return counts


def test_two_tools_that_write_to_a_person_are_two_messages(capped: World) -> None:
    capped.options = ActivationOptions(caps={"email": Cap(messages=1, days=7)}, change_floor=1000)
    capped.segment("readers", ["ann"])
    assert to_both(capped, Second()) == {"tool": 1, "second": 0}


def test_what_another_list_is_about_to_send_counts_in_the_plan(capped: World) -> None:
    capped.options = ActivationOptions(caps={"email": Cap(messages=1, days=7)}, change_floor=1000)
    segment = capped.segment("readers", ["ann"])
    capped.segments["readers"] = segment.model_copy(update={"destinations": ("tool", "second")})
    capped.plan()
    plans = capped.plan_of(["tool", "second"])
    assert {plan.destination: plan.add for plan in plans} == {"tool": 1, "second": 0}


def test_a_file_beside_a_tool_is_no_message_of_its_own(capped: World) -> None:
    capped.options = ActivationOptions(caps={"email": Cap(messages=1, days=7)}, change_floor=1000)
    capped.segment("readers", ["ann"])
    assert to_both(capped, Folder()) == {"tool": 1, "folder": 1}


def test_a_file_alone_counts(capped: World) -> None:
    capped.options = ActivationOptions(caps={"email": Cap(messages=1, days=7)}, change_floor=1000)
    capped.tool = Folder()
    capped.segment("one", ["ann"])
    capped.segment("two", [])
    capped.night()
    capped.members("one")
    capped.members("two", "ann")
    capped.night()
    assert capped.reasons("two") == {"ann": "frequency_cap"}


def test_the_plan_asks_first(capped: World) -> None:
    capped.tool = Texts()
    capped.segment("readers", ["ann"], mode="upsert")
    planned = []
    for day in range(4):
        capped.members("readers", "ann", score=day)
        capped.night_number += 1
        plan = capped.plan()["readers"]
        planned.append((plan.add, plan.update))
        capped.push()
    assert planned == [(1, 0), (0, 1), (0, 0), (0, 0)]


def test_the_statement_that_takes_a_batch_asks_again(capped: World) -> None:
    capped.segment("readers", ["ann"])
    capped.night_number += 1
    capped.plan()
    capped.connection.execute(
        "insert into activation.receipts (run_id, destination, segment, customer_id, op, channel,"
        " purpose, code_version, batch_id, sent_at)"
        " select 'other', 'second', 'other' || day, 'ann', 'add', 'email', 'marketing', '', '', %s"
        " from generate_series(1, 2) as day",
        (capped.as_of,),
    )
    capped.push()
    assert capped.tool.on("readers") == []
    assert capped.reasons("readers") == {"ann": "frequency_cap"}


def test_rapport_yml_says_what_makes_a_message(
    capped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport import connectors
    from rapport.errors import ConfigError
    from rapport.settings import Settings

    said = Settings(
        destinations={"intercom": {"messages_on": "change"}, "files": {"messages_on": "x"}}
    )
    monkeypatch.setattr(connectors, "load_settings", lambda: said)
    assert connectors.messages_on("intercom") == "change"
    assert connectors.messages_on("twilio") == "change"
    assert connectors.messages_on("slack") == "nothing"
    with pytest.raises(ConfigError, match="nothing, entry, change"):
        connectors.messages_on("files")

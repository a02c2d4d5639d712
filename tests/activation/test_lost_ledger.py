"""A ledger that was lost takes nobody off a list; one that got smaller on purpose is not lost."""

from typing import Any

import pytest

from rapport import faults

PEOPLE = [f"p{number:02}" for number in range(12)]


def test_a_vanished_ledger_takes_nobody_off(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.connection.execute("truncate activation.ledger")
    world.tool.can_list = False
    world.members("readers", "ann")
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["ann", "bob"]
    assert "ledger" in counts["cause"]


def test_who_withdraws_leaves_also_where_half_of_the_ledger_is_lost(world: Any) -> None:
    world.customers(*PEOPLE, "ann")
    world.segment("readers", PEOPLE)
    world.night()
    world.connection.execute("delete from activation.ledger where customer_id > 'p02'")
    world.members("readers", *PEOPLE, "ann", score=2)
    world.consent("p00", False)
    for _ in range(2):
        counts = world.night()["readers"]
        assert world.tool.on("readers") == PEOPLE[1:]
        assert counts["status"] == "refused"
    assert world.tool.lists["readers"]["p01"]["score"] == 1
    assert world.reasons("readers")["ann"] == "ledger_lost"


def test_a_vanished_ledger_is_read_back_from_the_tool(world: Any) -> None:
    world.customers("ann", "bob", "cid")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.connection.execute("truncate activation.ledger")
    world.members("readers", "ann", "cid")
    world.night()
    assert world.tool.on("readers") == ["ann", "cid"]


def test_a_night_that_was_killed_when_most_had_left_goes_on(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.members("readers", "p00", "p01")
    answers = 0

    def third(name: str) -> None:
        nonlocal answers
        answers += name == "activation.recorded"
        if answers == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(faults, "point", third)
        with pytest.raises(KeyboardInterrupt):
            world.night()
    assert len(world.tool.on("readers")) == 3
    world.reconnect()
    assert world.again()["readers"]["status"] == "success"
    assert world.tool.on("readers") == ["p00", "p01"]


def test_a_ledger_that_is_lost_after_such_a_kill_is_still_missed(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.night_number += 1
    world.plan()
    world.connection.execute("truncate activation.ledger")
    world.tool.can_list = False
    counts = world.again()["readers"]
    assert "the ledger of tool/readers has 0 people, the last run left 12" in counts["cause"]
    assert world.tool.on("readers") == PEOPLE


def test_people_who_became_one_are_no_loss(world: Any) -> None:
    world.customers("ann", "bob", "cid")
    world.segment("readers", ["ann", "bob", "cid"])
    world.night()
    world.connection.execute("update activation.ledger set remote_id = 'r_1'")
    for old in ("bob", "cid"):
        world.merge(old, "ann")
    world.members("readers", "ann")
    assert world.night()["readers"]["status"] == "success"

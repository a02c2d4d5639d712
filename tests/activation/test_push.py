"""Whom the tool holds after a night, and what it costs in calls."""

from typing import Any

import pytest

from rapport.errors import AlreadyRunning, StaleWriter


def test_the_tool_holds_exactly_the_members(world: Any) -> None:
    world.customers("ann", "bob", "cid", "dan")
    world.segment("readers", ["ann", "bob", "cid", "dan"])
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["ann", "bob", "cid", "dan"]
    assert (counts["members"], counts["added"], counts["sent"]) == (4, 4, 4)
    assert len(world.tool.calls) == 2


def test_a_second_run_makes_no_call(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.again()
    assert world.tool.calls == []
    world.night()
    assert world.tool.calls == []


def test_who_left_is_taken_off_also_without_consent(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.consent("bob", False)
    world.members("readers", "ann")
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["ann"]
    assert counts["removed"] == 1
    assert world.reasons("readers") == {}


def test_only_changed_traits_are_sent_again(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.connection.execute(
        "update marts.people_of_readers set score = 9 where customer_id = 'bob'"
    )
    counts = world.night()["readers"]
    assert world.tool.calls == [("upsert", world.tool.calls[0][1], ["bob"])]
    assert world.tool.lists["readers"]["bob"]["score"] == 9
    assert counts["updated"] == 1


def test_a_new_address_is_sent(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    world.connection.execute("update marts_pii.dim_customer_contacts set email = 'new@example.com'")
    assert world.night()["readers"]["updated"] == 1
    assert world.tool.lists["readers"]["ann"]["email"] == "new@example.com"


def test_who_withdraws_is_taken_off_and_explained(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.consent("bob", False)
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["ann"]
    assert counts["not_sent"] == {"no_consent": 1}
    assert counts["members"] == counts["sent"] + sum(counts["not_sent"].values())


def test_consent_withdrawn_after_the_plan_stops_the_batch(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night_number += 1
    world.plan()
    world.consent("bob", False)
    counts = world.push()["readers"]
    assert world.tool.on("readers") == ["ann"]
    assert world.reasons("readers") == {"bob": "no_consent"}
    assert counts["sent"] == 1


def test_consent_withdrawn_before_an_update_turns_it_into_a_removal(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.members("readers", "ann", "bob", score=2)
    world.night_number += 1
    world.plan()
    world.consent("bob", False)
    world.push()
    assert world.tool.on("readers") == ["ann"]


def test_one_bad_row_costs_one_row(world: Any) -> None:
    people = [f"p{number:02}" for number in range(9)]
    world.customers(*people)
    world.segment("readers", people)
    world.tool.bad_rows = {"p04"}
    counts = world.night()["readers"]
    assert counts["sent"] == 8
    assert counts["not_sent"] == {"rejected": 1}
    world.tool.bad_rows = set()
    assert world.night()["readers"]["added"] == 1
    assert world.connection.execute("select count(*) from activation.rejected").fetchone() == (0,)


def test_a_refused_batch_of_100_is_halved_until_one_row_is_left(world: Any) -> None:
    people = [f"p{number:03}" for number in range(100)]
    world.customers(*people)
    world.segment("readers", people)
    world.tool.batch_size = 100
    world.tool.sinks_batch = {"p042"}
    counts = world.night()["readers"]
    assert counts["sent"] == 99
    assert len(world.tool.calls) <= 2 * 7 + 1
    reasons = world.connection.execute("select customer_id, reason from activation.rejected")
    assert reasons.fetchall() == [("p042", "400 bad batch")]


def test_each_push_has_its_receipt(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    row = world.connection.execute(
        "select customer_id, op, channel, purpose, consent_event_id, policy_version"
        " from activation.receipts"
    ).fetchall()
    assert row == [("ann", "add", "email", "marketing", "consent of ann True", "2026-01")]


def test_a_merged_customer_keeps_one_place_on_the_list(world: Any) -> None:
    world.customers("old", "other")
    world.segment("readers", ["old", "other"])
    world.night()
    world.customers("new")
    world.merge("old", "new")
    world.members("readers", "new", "other")
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["new", "other"]
    assert (counts["added"], counts["updated"], counts["removed"]) == (0, 1, 0)


def test_the_survivor_of_a_merge_who_is_listed_already_stays(world: Any) -> None:
    world.customers("old", "new")
    world.segment("readers", ["old", "new"])
    world.night()
    world.merge("old", "new")
    world.members("readers", "new")
    world.night()
    assert world.tool.on("readers") == ["new"]


def test_a_merge_that_is_undone_leaves_ledger_and_tool_as_they_were(world: Any) -> None:
    world.customers("old", "new")
    world.segment("readers", ["old", "new"])

    def state() -> tuple[Any, ...]:
        ledger = world.connection.execute(
            "select segment, customer_id, state from activation.ledger order by 1, 2"
        ).fetchall()
        return ledger, world.tool.on("readers")

    world.night()
    before = state()
    world.merge("old", "new")
    world.members("readers", "new")
    world.night()
    assert world.tool.on("readers") == ["new"]
    world.connection.execute("update identity.aliases set customer_id = alias_id")
    world.members("readers", "old", "new")
    world.night()
    assert state() == before


def test_two_pushes_at_once_are_one_push(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night_number += 1
    world.plan()
    from rapport.activation.sync.push import push_destination
    from rapport.warehouse import connect

    def second(op: str, batch: object) -> None:
        with connect(autocommit=True) as other, pytest.raises(AlreadyRunning):
            push_destination(
                other, world.definitions, world.tool, world.options, world.run_id, world.as_of
            )

    world.tool.before_call = second
    world.push()
    assert len(world.tool.calls) == 1


def test_a_plan_of_an_older_night_is_not_pushed_after_a_newer_one(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    world.night()
    world.night_number -= 1
    with pytest.raises(StaleWriter):
        world.push()

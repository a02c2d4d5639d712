"""A list is held against the tool: that may drop what it took, and people may add by hand."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.activation.sync.pull import pull_destination
from rapport.activation.sync.read_back import is_due, read_back
from rapport.errors import GateFailed
from rapport.vendors.destination import Audience

DAILY = 1
PEOPLE = [f"p{number:02}" for number in range(12)]


@pytest.fixture
def sent(world: Any) -> Any:
    """A list of twelve that was pushed."""
    world.customers(*PEOPLE, "stranger")
    world.segment("readers", PEOPLE)
    world.night()
    return world


def checked_night(world: Any) -> dict[str, int]:
    """The next night, with every list read back; what the pull counted."""
    world.night_number += 1
    return checked_again(world)


def checked_again(world: Any) -> dict[str, int]:
    """The same night, once more."""
    world.tool.calls.clear()
    counts = pull_destination(
        world.connection, world.definitions, world.tool, world.as_of, read_back_days=DAILY
    )
    world.plan()
    world.push()
    return counts


def people_written_to(world: Any) -> list[tuple[str, str]]:
    return sorted((op, person) for op, _, people in world.tool.calls for person in people)


def test_whom_the_tool_dropped_is_sent_again_and_nobody_else(sent: Any) -> None:
    for person in ("p03", "p07"):
        del sent.tool.lists["readers"][person]
    assert checked_night(sent) == {"read_back": 10, "missing": 2}
    assert people_written_to(sent) == [("upsert", "p03"), ("upsert", "p07")]
    assert sent.tool.on("readers") == PEOPLE
    assert checked_again(sent) == {"read_back": 12}
    assert people_written_to(sent) == []
    row = sent.connection.execute(
        "select destination, segment, as_of, at_tool, missing, unknown from activation.list_checks"
    ).fetchall()
    assert row == [("tool", "readers", sent.as_of, 12, 2, 0)]


def test_whom_somebody_put_there_by_hand_is_taken_off(sent: Any) -> None:
    sent.tool.lists["readers"]["stranger"] = {"email": "stranger@example.com"}
    assert checked_night(sent) == {"read_back": 13, "unknown": 1}
    assert people_written_to(sent) == [("remove", "stranger")]
    assert sent.tool.on("readers") == PEOPLE


def test_where_both_are_right_nothing_is_written(sent: Any) -> None:
    assert checked_night(sent) == {"read_back": 12}
    assert people_written_to(sent) == []


def test_who_dropped_out_and_said_no_since_is_not_sent_again(sent: Any) -> None:
    del sent.tool.lists["readers"]["p03"]
    sent.consent("p03", is_granted=False)
    checked_night(sent)
    assert ("upsert", "p03") not in people_written_to(sent)
    assert sent.tool.on("readers") == [person for person in PEOPLE if person != "p03"]
    assert sent.reasons("readers") == {"p03": "no_consent"}


def test_a_list_that_is_gone_as_a_whole_is_not_filled_again(sent: Any) -> None:
    sent.tool.lists.clear()
    with pytest.raises(GateFailed, match="12 of 12 people that we sent are off the list"):
        checked_night(sent)
    assert sent.tool.calls == []
    states = sent.connection.execute("select distinct state from activation.ledger").fetchall()
    assert states == [("sent",)]


def test_who_is_there_under_the_id_of_before_a_merge_is_not_missing(sent: Any) -> None:
    sent.tool.lists["readers"]["older"] = sent.tool.lists["readers"].pop("p03")
    sent.merge("older", "p03")
    audience = Audience("readers", "Readers", "email", "marketing")
    sent.night_number += 1
    found = read_back(sent.connection, sent.tool, audience, sent.as_of, DAILY)
    assert found is not None
    assert (found.at_tool, found.missing, found.unknown) == (12, 0, 0)


def test_a_list_is_asked_for_on_its_night_only(sent: Any) -> None:
    del sent.tool.lists["readers"]["p03"]
    nights = 0
    for _ in range(7):
        sent.night_number += 1
        sent.tool.calls.clear()
        is_its_night = is_due("tool", "readers", sent.as_of, 7)
        pull_destination(sent.connection, sent.definitions, sent.tool, sent.as_of, 7)
        sent.plan()
        sent.push()
        nights += is_its_night
        if is_its_night:
            assert people_written_to(sent) == [("upsert", "p03")]
        else:
            assert people_written_to(sent) == []
    assert nights == 1
    assert sent.tool.on("readers") == PEOPLE


def test_a_tool_that_cannot_list_is_left_alone(sent: Any) -> None:
    sent.tool.can_list = False
    assert checked_night(sent) == {}
    assert people_written_to(sent) == []


def test_never_is_never() -> None:
    assert not is_due("tool", "readers", datetime(2026, 3, 1, tzinfo=UTC), 0)

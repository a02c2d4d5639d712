"""A person's word in Airflow, and what people are told of: changes of state, once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.activation.answers import list_states
from rapport.activation.planning.approval import decide, questions
from rapport.activation_options import ActivationOptions
from rapport.errors import ConfigError, RetryLater


def answer(world: Any, question: dict[str, str], choice: str | None) -> Any:
    """What Airflow does when a person answers, or nobody does."""
    from rapport.tasks.approval import Approval

    task = Approval(task_id="ask", **question)
    event: dict[str, Any] = {
        "chosen_options": [choice],
        "params_input": {},
        "responded_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": "ann"},
    }
    if choice is None:
        event = {"error": "nobody", "error_type": "timeout"}

    class Context(dict[str, Any]):
        pass

    task.skip = lambda **_: None
    task.get_direct_relatives = lambda **_: []
    return task.execute_complete(Context(ti=None, task=task, dag_run=None), event)


@pytest.fixture
def waiting(world: Any) -> Any:
    """A list of ten of whom eight would go."""
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    world.members("readers", *people[8:])
    world.night()
    return world


def states_of(world: Any) -> list[tuple[str, str]]:
    rows = world.connection.execute("select state, decision from activation.approvals")
    return rows.fetchall()


def test_a_yes_in_airflow_is_the_same_as_on_the_command_line(waiting: Any) -> None:
    (question,) = questions(waiting.connection)
    assert "p1" not in str(question)
    assert "10 to add, 8 to remove" in question["body"]
    answer(waiting, question, "Approve")
    assert states_of(waiting) == [("approved", "answered in Airflow by ann")]
    waiting.again()
    assert waiting.tool.on("readers") == sorted(f"p{number}" for number in range(8, 20))
    assert states_of(waiting)[0][0] == "used"


def test_a_no_or_no_answer_keeps_last_night_s_list(waiting: Any) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    before = waiting.tool.on("readers")
    (question,) = questions(waiting.connection)
    with pytest.raises(AirflowSkipException, match="nobody answered"):
        answer(waiting, question, None)
    assert states_of(waiting) == [("pending", "nobody answered in Airflow")]
    assert questions(waiting.connection) == []
    with pytest.raises(AirflowSkipException, match="declined"):
        answer(waiting, question, "Reject")
    waiting.again()
    assert waiting.tool.on("readers") == before
    assert states_of(waiting)[0][0] == "declined"


def test_a_list_that_would_not_change_is_not_asked_about_whatever_its_size(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"], size_band=(0, 1))
    world.night()
    (question,) = questions(world.connection)
    answer(world, question, "Approve")
    world.again()
    assert world.tool.on("readers") == ["ann", "bob"]
    world.again()
    assert questions(world.connection) == []
    world.consent("bob", False)
    world.night()
    assert world.tool.on("readers") == ["ann"]
    assert questions(world.connection) == []


def test_what_nobody_answered_is_asked_again_the_next_night(waiting: Any) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    (question,) = questions(waiting.connection)
    with pytest.raises(AirflowSkipException, match="nobody answered"):
        answer(waiting, question, None)
    waiting.again()
    assert questions(waiting.connection) == []
    waiting.night()
    (again,) = questions(waiting.connection)
    assert again["requested_at"] > question["requested_at"]


def test_an_answer_to_last_night_s_question_decides_nothing_tonight(waiting: Any) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    (question,) = questions(waiting.connection)
    waiting.night()
    with pytest.raises(AirflowSkipException, match="nothing waits"):
        answer(waiting, question, "Approve")
    assert states_of(waiting) == [("pending", None)]


def test_a_yes_while_the_list_is_still_pushed_is_not_lost(waiting: Any) -> None:
    waiting.plan()
    decide(waiting.connection, "readers", approve=True, reason="new price")
    waiting.push()
    assert states_of(waiting)[0][0] == "approved"
    waiting.again()
    assert states_of(waiting)[0][0] == "used"


def test_an_approval_is_for_one_list_where_it_says_so(waiting: Any) -> None:
    with pytest.raises(ConfigError, match="nothing waits"):
        decide(waiting.connection, "readers", approve=True, reason="yes", destination="other")


def changes(world: Any) -> list[str]:
    found = list_states.changed(world.connection, world.definitions, world.run_id, world.as_of)
    list_states.mark_reported(world.connection, found)
    return [f"{change.segment} {change.state}" for change in found]


def test_people_are_told_of_a_change_of_state_and_of_nothing_twice(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    assert changes(world) == []

    def down(op: str, batch: object) -> None:
        raise RetryLater("tool: 503")

    world.tool.before_call = down
    world.members("readers", "ann", score=2)
    for expected in (["readers failing"], []):
        with pytest.raises(RetryLater):
            world.night()
        assert changes(world) == expected
    world.tool.before_call = None
    world.night()
    assert changes(world) == ["readers fine"]
    world.night()
    assert changes(world) == []


def test_people_are_told_that_a_list_waits(waiting: Any) -> None:
    found = list_states.changed(
        waiting.connection, waiting.definitions, waiting.run_id, waiting.as_of
    )
    (text,) = map(str, found)
    assert "tool/readers: waits for approval" in text
    assert "`rapport approve readers`" in text


def test_what_could_not_be_told_is_told_next_time(world: Any, monkeypatch: Any) -> None:
    from rapport.activation import steps

    world.customers("ann")
    world.segment("readers", ["ann"])
    world.frozen["readers"] = "orders of files are stale"
    world.night()
    monkeypatch.setattr(steps, "load", lambda: world.definitions)

    def broken(text: str) -> None:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        steps.tell(world.run_id, world.as_of, broken)
    told: list[str] = []
    steps.tell(world.run_id, world.as_of, told.append)
    steps.tell(world.run_id, world.as_of, told.append)
    assert told == ["tool/readers: failing, stays as it was. orders of files are stale"]


def test_people_are_told_of_a_list_that_another_segment_holds_up(world: Any) -> None:
    world.customers("ann")
    world.segment("open_ticket", [], purpose="service", suppresses=["marketing"])
    world.segment("readers", ["ann"])
    world.night()
    world.frozen["open_ticket"] = "tickets of zendesk are stale"
    world.night()
    assert sorted(changes(world)) == ["open_ticket failing", "readers failing"]

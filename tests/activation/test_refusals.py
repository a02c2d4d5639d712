"""What a tool refused is said wherever the list is shown, and somebody is called where many are."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console

from rapport import activation
from rapport.activation.answers import list_states, overview, why
from rapport.activation.sync import refused_rows
from rapport.activation.sync.refused_rows import Refusals
from rapport.cli.run_tables import tables
from rapport.errors import GiveUp
from rapport.runs import begin, stage, summary
from rapport.runs.overview import read_run
from rapport.tasks import verbs
from rapport.vendors.destination import Batch, Result

PEOPLE = ["ann", "bob", "cid"]


def refused_update(world: Any) -> dict[str, Any]:
    """Three are on the list; Bob's change is refused."""
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.members("readers", *PEOPLE, score=2)
    world.tool.bad_rows = {"bob"}
    counts: dict[str, Any] = world.night()["readers"]
    return counts


def changed(world: Any) -> list[str]:
    """What people are told of this night."""
    found = list_states.changed(world.connection, world.definitions, world.run_id, world.as_of)
    list_states.mark_reported(world.connection, found)
    return [str(change) for change in found]


def test_a_push_with_a_refused_update_is_no_plain_success(world: Any) -> None:
    counts = refused_update(world)
    assert (counts["sent"], counts["updated"], counts["refused"]) == (3, 2, 1)
    assert counts["status"] == "partial"
    assert counts["cause"] == "refused by the destination: 1 update; most often: 422 bad row"
    world.tool.bad_rows = set()
    counts = world.night()["readers"]
    assert (counts["status"], counts["refused"], counts["updated"]) == ("success", 0, 1)


def test_the_same_night_again_counts_a_row_once(world: Any) -> None:
    refused_update(world)
    assert world.again()["readers"]["refused"] == 1


def test_what_was_refused_stands_in_the_overview_and_the_night(world: Any) -> None:
    refused_update(world)
    (row,) = overview.overview(world.connection, world.definitions)
    (entry,) = row["lists"]
    assert (entry["sent"], entry["refused"]) == (3, 1)
    assert entry["state"].startswith("partial: refused by the destination: 1 update")
    world.connection.execute(
        "insert into ops.nights (run_id, as_of) values (%s, %s)", (world.run_id, world.as_of)
    )
    world.connection.execute("drop table marts.data_status")
    (shown,) = read_run(world.connection, world.run_id).lists
    assert (shown["rejected"], shown["status"]) == (1, "partial")
    night = summary.Run(world.run_id, world.as_of)
    told = summary.summarise(night)
    assert told.segments["readers"].refused == 1
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(tables(told))
    (line,) = [line for line in console.export_text().splitlines() if "readers" in line]
    assert [part.strip() for part in line.split("│")[2:7]] == ["3", "0", "0", "1", "3"]


def test_a_person_s_refused_change_is_explained(world: Any) -> None:
    refused_update(world)
    entry = why._list(world.connection, "tool", "readers", "bob")
    assert entry["is_on_list"] and entry["not_sent_because"] is None
    assert (entry["refused"], entry["refused_because"]) == ("update", "422 bad row")
    assert entry["refused_since"] == entry["refused_last"] == world.as_of
    assert why._list(world.connection, "tool", "readers", "ann")["refused"] is None


def test_people_are_told_once_of_rows_that_are_refused_again(world: Any) -> None:
    refused_update(world)
    assert changed(world) == []
    world.night()
    assert changed(world) == [
        "tool/readers: rows are refused again, refused by the destination: 1 update; most often:"
        " 422 bad row. See `rapport segments`."
    ]
    world.night()
    assert changed(world) == []
    world.tool.bad_rows = set()
    world.night()
    assert changed(world) == ["tool/readers: recovered."]


def test_somebody_who_stays_on_a_list_that_they_left_is_told_at_once(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()

    def remove(batch: Batch) -> Sequence[Result]:
        return [Result(person.customer_id, error="409 locked") for person in batch.people]

    world.tool.remove = remove
    world.members("readers", "ann", "cid")
    counts = world.night()["readers"]
    assert (counts["removed"], counts["refused"], counts["status"]) == (0, 1, "partial")
    assert world.tool.on("readers") == PEOPLE
    assert "1 removal; most often: 409 locked" in changed(world)[0]
    for _ in range(2):
        lists = refused_rows.of_destination(world.connection, world.run_id, "tool")
        assert len(list(refused_rows.to_look_at(lists, "tool"))) == 1, "each night anew"
        world.night()


def test_a_list_that_is_pushed_with_refusals_keeps_its_budget_of_change(world: Any) -> None:
    world.options = world.options.model_copy(update={"change_floor": 0})
    world.customers(*PEOPLE, "dan")
    world.segment("readers", PEOPLE, change_budget=0.1)
    world.tool.bad_rows = {"cid"}
    world.night()
    world.members("readers", "dan")
    world.night_number += 1
    assert world.plan()["readers"].state == "waiting"


@pytest.mark.parametrize(
    ("found", "is_new"),
    [
        (Refusals(add=0, update=10, remove=0, again=0, members=1000), False),
        (Refusals(add=1, update=10, remove=0, again=0, members=1000), True),
        (Refusals(add=0, update=900, remove=0, again=890, members=1000), False),
        (Refusals(add=0, update=0, remove=1, again=1, members=1000), True),
        (Refusals(add=1, update=0, remove=0, again=0, members=12), True),
        (Refusals(add=1, update=0, remove=0, again=1, members=12), False),
    ],
)
def test_a_few_rows_of_a_long_list_or_old_ones_call_nobody(found: Refusals, is_new: bool) -> None:
    assert found.is_new is is_new


def test_a_night_in_which_a_tool_refuses_many_rows_is_partial(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused_update(world)
    night = begin(world.as_of)
    monkeypatch.setattr(activation, "push", lambda **names: {})
    monkeypatch.setattr(verbs, "_run", lambda: night)
    with stage(night, "publish"):
        pass
    verbs.push("tool")
    found = {one.name: one for one in summary.summarise(night).stages}
    assert found["push tool"].status == "succeeded"
    assert found["answers of tool"].error is not None
    assert (
        "GiveUp: tool/readers: refused by the destination: 1 update"
        in found["answers of tool"].error
    )
    assert summary.status_of(list(found.values())) == "partial"
    world.connection.execute("delete from activation.rejected")
    verbs.push("tool")
    assert summary.status_of(summary.summarise(night).stages) == "succeeded"


def test_nothing_personal_is_in_what_is_said(world: Any) -> None:
    refused_update(world)
    with pytest.raises(GiveUp) as caught:
        activation.judge(world.run_id, "tool")
    assert "bob" not in str(caught.value)

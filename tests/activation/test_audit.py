"""The audit tables, with the names and words that dashboards made for such tables ask for."""

from typing import Any

OPERATION = ("sync_id", "row_id", "op_type", "status", "failure_reason", "fields", "split_group")
RUN = ("sync_id", "sync_run_id", "primary_key", "destination", "model_name", "error", "status",
       "started_at", "finished_at")  # fmt: skip
COUNTS = [
    f"num_{state}_{op}"
    for state in ("planned", "attempted", "succeeded", "failed")
    for op in ("add", "change", "remove")
]


def two_nights(world: Any) -> None:
    """Ann stays, Bob is changed, Cid leaves, Dan enters, Eve is refused."""
    world.customers("ann", "bob", "cid", "dan", "eve")
    world.segment("readers", ["ann", "bob", "cid"])
    world.night()
    world.members("readers", "ann", "bob", "dan", "eve")
    world.connection.execute(
        "update marts.people_of_readers set score = 2 where customer_id = 'bob'"
    )
    world.tool.bad_rows = {"eve"}
    world.night()


def read(world: Any, columns: Any, table: str, rest: str) -> list[tuple[Any, ...]]:
    query = f"select {', '.join(columns)} from activation.{table} {rest}"
    return list(world.connection.execute(query).fetchall())


def test_each_operation_is_in_the_changelog_with_its_answer(world: Any) -> None:
    two_nights(world)
    found = read(world, OPERATION, "sync_changelog", f"where at = '{world.as_of}' order by row_id")
    assert [row[1:5] for row in found] == [
        ("bob", "changed", "succeeded", None),
        ("cid", "removed", "succeeded", None),
        ("dan", "added", "succeeded", None),
        ("eve", "added", "failed", "422 bad row"),
    ]
    assert found[0][5] == {"score": 2}


def test_a_run_says_what_was_planned_tried_and_taken(world: Any) -> None:
    two_nights(world)
    (run,) = read(world, (*RUN, *COUNTS), "sync_runs", f"where run_id = '{world.run_id}'")
    assert run[:7] == ("tool/readers", f"{world.run_id}/tool/readers", "customer_id", "tool",
                       "seg_readers", "refused by the destination: 1 add; most often: 422 bad row",
                       "partial")  # fmt: skip
    assert run[7] <= run[8]
    assert list(run[9:]) == [2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 0, 0]


def test_the_snapshot_has_the_last_answer_for_each_person_and_its_run(world: Any) -> None:
    two_nights(world)
    found = world.connection.execute(
        "select row_id, op_type, person.status, failure_reason, run.run_id"
        " from activation.sync_snapshot as person"
        " inner join activation.sync_runs as run using (sync_run_id) order by row_id"
    ).fetchall()
    last, tonight = "20260302T030000Z-01", world.run_id
    assert found == [
        ("ann", "added", "succeeded", None, last),
        ("bob", "changed", "succeeded", None, tonight),
        ("dan", "added", "succeeded", None, tonight),
        ("eve", "added", "failed", "422 bad row", tonight),
    ]
    assert set(OPERATION) <= set(columns_of(world, "sync_snapshot"))


def test_who_was_sent_without_an_answer_is_not_in_the_snapshot_yet(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night_number += 1
    world.plan()

    def killed(op: str, batch: object) -> None:
        raise KeyboardInterrupt

    world.tool.before_call = killed
    try:
        world.push()
    except KeyboardInterrupt:
        world.reconnect()
    assert read(world, ["state"], "ledger", "") == [("sending",)]
    assert read(world, ["row_id"], "sync_snapshot", "") == []


def columns_of(world: Any, table: str) -> list[str]:
    rows = world.connection.execute(
        "select column_name from information_schema.columns"
        " where table_schema = 'activation' and table_name = %s",
        (table,),
    )
    return [name for (name,) in rows.fetchall()]

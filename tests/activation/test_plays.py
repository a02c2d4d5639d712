"""What a play can ask for: steps, a goal, variants, strata, a mode, sure identities."""

from datetime import timedelta
from typing import Any

import pytest

from rapport.activation.segments import goals
from rapport.errors import RetryLater

GOAL = {"mart": "fct_orders", "at": "ordered_at", "where": {"status": "paid"}, "within_days": 10}


def order(world: Any, customer: str, status: str = "paid") -> None:
    world.connection.execute(
        "insert into marts.fct_orders values (%s, %s, %s)",
        (customer, world.as_of + timedelta(hours=5), status),
    )


@pytest.fixture
def shop(world: Any) -> Any:
    world.connection.execute(
        "create table marts.fct_orders (customer_id text, ordered_at timestamptz, status text)"
    )
    return world


def steps(world: Any) -> dict[str, int]:
    people = world.tool.lists.get("readers", {})
    return {key: row["readers_step"] for key, row in people.items()}


def test_a_series_goes_on_by_days_since_entering_until_its_goal(shop: Any) -> None:
    shop.customers("ann", "bob")
    shop.segment("readers", ["ann", "bob"], steps=[0, 2, 4], goal=GOAL)
    shop.night()
    assert steps(shop) == {"ann": 1, "bob": 1}
    shop.members("readers", "bob")
    shop.night()
    assert shop.tool.calls == [], "nothing is sent between two steps"
    shop.night()
    assert steps(shop) == {"ann": 2, "bob": 2}, "who left the model is still in the series"
    order(shop, "bob")
    order(shop, "ann", status="refunded")
    shop.night()
    assert steps(shop) == {"ann": 2}
    assert shop.reasons("readers") == {"bob": "goal_reached"}
    shop.night()
    assert steps(shop) == {"ann": 3}
    shop.night()
    assert steps(shop) == {}, "after the last step the series is over"


def test_a_goal_counts_for_treated_and_held_out_within_its_days(shop: Any) -> None:
    people = [f"p{number:02}" for number in range(40)]
    shop.customers(*people)
    shop.tool.batch_size = 100
    shop.segment("readers", people, holdout_share=0.5, goal=GOAL)
    shop.night()
    for person in people[:20]:
        order(shop, person)
    shop.night_number += 15
    shop.night()
    for person in people:
        order(shop, person)
    shop.night()
    rows = shop.connection.execute(
        "select arm, count(*), count(goal_at) from segments.membership group by arm order by arm"
    ).fetchall()
    assert [row[0] for row in rows] == ["holdout", "treated"]
    assert sum(row[2] for row in rows) == 20
    assert all(row[2] > 0 for row in rows)


def test_a_goal_on_a_column_that_is_not_there_freezes_the_segment_and_says_which(shop: Any) -> None:
    shop.customers("ann")
    shop.segment("readers", ["ann"], goal={**GOAL, "at": "paid_at"})
    shop.segment("others", ["ann"], purpose="service")
    assert "marts.fct_orders has no column paid_at" in shop.night()["readers"]["cause"]
    assert shop.tool.on("others") == ["ann"]


def variants(world: Any) -> dict[str, str]:
    return {key: row["readers_variant"] for key, row in world.tool.lists["readers"].items()}


def test_variants_have_their_shares_and_nobody_changes_theirs(world: Any) -> None:
    people = [f"p{number:03}" for number in range(300)]
    world.customers(*people)
    world.tool.batch_size = 500
    world.segment("readers", people, variants={"short": 0.7, "long": 0.3}, holdout_share=0.1)
    world.night()
    first = variants(world)
    share = sum(value == "short" for value in first.values()) / len(first)
    assert 0.6 < share < 0.8
    world.members("readers", *people, score=2)
    world.night()
    assert variants(world) == first
    world.members("readers", *people[10:])
    world.night()
    world.members("readers", *people)
    world.night()
    assert variants(world) == first
    split = world.connection.execute(
        "select distinct split_group from activation.sync_changelog where op_type = 'added'"
    ).fetchall()
    assert sorted(row[0] for row in split) == ["long", "short"]


def test_strata_are_dealt_evenly_however_few_enter_in_a_night(world: Any) -> None:
    people = [f"p{number:02}" for number in range(60)]
    world.customers(*people)
    world.tool.batch_size = 100
    world.segment("readers", [], variants={"a": 0.5, "b": 0.5}, strata=["score"])
    for last in range(6, 61, 6):
        world.members("readers")
        for number, person in enumerate(people[:last]):
            world.connection.execute(
                "insert into marts.people_of_readers values (%s, %s)", (person, number % 3)
            )
        world.night()
    rows = world.connection.execute(
        "select stratum, count(*) filter (where variant = 'a'), count(*)"
        " from segments.membership where left_at is null group by stratum"
    ).fetchall()
    assert len(rows) == 3
    for _, in_a, everybody in rows:
        assert everybody == 20
        assert abs(in_a - 10) <= 1


@pytest.mark.parametrize(
    ("mode", "left", "score"),
    [("mirror", [], 2), ("upsert", ["bob"], 2), ("add-only", ["bob"], 1)],
)
def test_a_mode_says_what_may_change_and_a_no_is_heeded_in_each(
    world: Any, mode: str, left: list[str], score: int
) -> None:
    world.customers("ann", "bob", "cid")
    world.segment("readers", ["ann", "bob", "cid"], mode=mode)
    world.night()
    world.members("readers", "ann", score=2)
    world.consent("cid", False)
    world.night()
    assert world.tool.on("readers") == ["ann", *left]
    assert world.tool.lists["readers"]["ann"]["score"] == score
    world.night()
    assert world.tool.calls == []


def test_who_rests_on_a_doubtful_match_is_not_sent_where_it_matters(world: Any) -> None:
    world.customers("ann", "bob")
    world.known_to_identity()
    world.connection.execute(
        "insert into identity.matches (profile_a, profile_b, probability, weight, is_linked,"
        " run_id, as_of, evidence)"
        " values ('test:bob', 'test:other', 0.9, 1, true, 'r', now(), '{3.2}')"
    )
    world.segment("readers", ["ann", "bob"], identity_confidence=0.95)
    world.segment("others", ["ann", "bob"], purpose="service")
    world.night()
    assert world.tool.on("readers") == ["ann"]
    assert world.reasons("readers") == {"bob": "identity_confidence"}
    assert world.tool.on("others") == ["ann", "bob"]


def test_a_stay_goes_on_when_its_customer_is_merged(shop: Any) -> None:
    shop.customers("old", "new")
    shop.segment("readers", ["old"], steps=[0, 2], goal=GOAL)
    shop.night()
    shop.merge("old", "new")
    shop.members("readers", "new")
    shop.night()
    shop.night()
    assert steps(shop) == {"new": 2}


def test_after_a_merge_is_undone_both_are_on_the_list_again(world: Any) -> None:
    world.customers("old", "new")
    world.segment("readers", ["old", "new"])
    world.night()
    world.merge("old", "new")
    world.members("readers", "new")
    world.night()
    assert world.tool.on("readers") == ["new"]
    world.connection.execute("update identity.aliases set customer_id = alias_id")
    world.members("readers", "old", "new")
    world.night()
    assert world.tool.on("readers") == ["new", "old"]


def test_the_goal_of_last_week_is_read_once_more_when_it_comes_late(shop: Any) -> None:
    shop.customers("ann")
    segment = shop.segment("readers", ["ann"], goal=GOAL)
    shop.night()
    order(shop, "ann")
    shop.night_number += 12
    shop.evaluate(segment)
    assert timedelta(days=2) <= goals.LATE
    assert shop.connection.execute("select count(goal_at) from segments.membership").fetchone() == (
        1,
    )


def test_a_tool_that_fails_loses_nobody_s_place_in_a_series(shop: Any) -> None:
    shop.customers("ann")
    shop.segment("readers", ["ann"], steps=[0, 1], goal=GOAL)

    def down(op: str, batch: object) -> None:
        raise RetryLater("tool: 503")

    shop.tool.before_call = down
    with pytest.raises(RetryLater):
        shop.night()
    shop.tool.before_call = None
    shop.night()
    assert steps(shop) == {"ann": 2}

"""Consents that are gone: a record that went missing with many others is no withdrawal."""

from typing import Any

import pytest

from rapport.activation_options import ActivationOptions

PEOPLE = [f"p{number:02}" for number in range(20)]


@pytest.fixture
def held(world: Any) -> Any:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    return world


def lose(world: Any, *people: str) -> None:
    world.connection.execute(
        "delete from marts.dim_consents where customer_id = any(%s)", (list(people),)
    )


def approve(world: Any) -> None:
    world.connection.execute("update activation.approvals set state = 'approved'")


def test_a_mass_loss_of_consent_holds_the_list_and_asks(held: Any) -> None:
    lose(held, *PEOPLE[:8])
    held.consent("p19", False)
    held.customers("ann")
    held.members("readers", *PEOPLE, "ann")
    for _ in range(2):
        counts = held.night()["readers"]
        assert held.tool.on("readers") == PEOPLE[:19]
        assert "the consent of 8 of 20 people went missing" in counts["cause"].replace("19", "20")
        assert held.reasons("readers")["ann"] == "waiting_for_approval"
    approve(held)
    held.again()
    assert held.tool.on("readers") == ["ann", *PEOPLE[8:19]]
    assert held.reasons("readers")["p00"] == "consent_lost"


def test_who_withdraws_while_the_loss_waits_leaves_at_once(held: Any) -> None:
    lose(held, *PEOPLE[:8])
    held.night()
    held.consent("p00", False)
    held.night()
    assert held.tool.on("readers") == PEOPLE[1:]


def test_a_single_person_s_missing_consent_never_waits(held: Any) -> None:
    lose(held, "p00")
    held.night()
    assert held.tool.on("readers") == PEOPLE[1:]


def test_the_loss_of_a_small_purpose_does_not_drown_in_a_large_one(held: Any) -> None:
    for person in PEOPLE[:3]:
        held.consent(person, True, purpose="feedback")
    held.segment("asked", PEOPLE[:3], purpose="feedback")
    held.options = ActivationOptions(change_floor=1000, consent_loss_share=0.5)
    held.night()
    assert held.tool.on("asked") == PEOPLE[:3]
    held.connection.execute("delete from marts.dim_consents where purpose = 'feedback'")
    held.night()
    assert held.tool.on("asked") == PEOPLE[:3]


def test_what_comes_back_counts_again(held: Any) -> None:
    lose(held, *PEOPLE[:8])
    held.night()
    for person in PEOPLE[:8]:
        held.consent(person, True)
    counts = held.night()["readers"]
    assert (held.tool.on("readers"), counts["cause"]) == (PEOPLE, None)


def test_an_empty_table_of_consents_empties_no_list_but_for_who_unsubscribed(held: Any) -> None:
    held.connection.execute("truncate marts.dim_consents")
    held.connection.execute(
        "insert into activation.suppressions values ('other', 'p01', 'complained', 'email', now())"
    )
    held.night()
    assert held.tool.on("readers") == [person for person in PEOPLE if person != "p01"]


def test_a_merge_of_many_is_no_loss(held: Any) -> None:
    for number in range(0, 8, 2):
        old, new = PEOPLE[number], PEOPLE[number + 1]
        held.merge(old, new)
        lose(held, old)
    held.members("readers", *PEOPLE[1:8:2], *PEOPLE[8:])
    counts = held.night()["readers"]
    assert counts["cause"] is None
    assert held.tool.on("readers") == [*PEOPLE[1:8:2], *PEOPLE[8:]]


def test_a_no_that_went_missing_is_still_a_no(world: Any) -> None:
    world.customers(*PEOPLE, consent=False)
    for person in PEOPLE[:8]:
        world.consent(person, False, purpose="service")
    world.segment("billing", PEOPLE, purpose="service")
    world.night()
    lose(world, *PEOPLE[:8])
    world.night()
    assert world.tool.on("billing") == PEOPLE[8:]


def test_a_frozen_list_loses_nobody_to_a_mass_loss(held: Any) -> None:
    lose(held, *PEOPLE[:8])
    held.frozen["readers"] = "consent_events of files are stale"
    held.night()
    assert held.tool.on("readers") == PEOPLE


def test_who_is_marked_as_lost_after_the_plan_is_neither_sent_nor_removed(held: Any) -> None:
    held.members("readers", *PEOPLE, score=2)
    held.night_number += 1
    held.plan()
    lose(held, "p00")
    held.connection.execute(
        "update activation.consents_seen set lost_since = now() where customer_id = 'p00'"
    )
    held.push()
    scores = {person: row["score"] for person, row in held.tool.lists["readers"].items()}
    assert scores == {"p00": 1, **dict.fromkeys(PEOPLE[1:], 2)}


def test_a_company_without_consent_data_sends_its_service_every_night(world: Any) -> None:
    world.customers("ann", "bob", consent=False)
    world.segment("billing", ["ann"], purpose="service")
    world.night()
    world.members("billing", "ann", "bob")
    world.night()
    assert world.tool.on("billing") == ["ann", "bob"]

"""How right matching is on public sets of which the answer is known."""

from typing import Any

import pytest
from tests.identity import known_answers
from tests.identity.known_answers import Judged, Person

Identity = Any
pytestmark = pytest.mark.slow


def resolved(identity: Identity, people: list[Person]) -> Judged:
    profiles = known_answers.offer(identity, people)
    identity.night()
    members = identity.members()
    return known_answers.judge(people, {id: members[profile] for id, profile in profiles.items()})


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_sets_of_febrl_are_found_without_their_number(identity: Identity, number: int) -> None:
    judged = resolved(identity, known_answers.febrl(number))
    assert judged.precision >= 0.999
    assert judged.f1 >= 0.985


@pytest.mark.parametrize("column", [None, "birth_date", "first_name", "last_name", "city", "email"])
def test_records_full_of_errors_are_found(identity: Identity, column: str | None) -> None:
    people = known_answers.noisy()
    judged = resolved(identity, known_answers.without(people, column) if column else people)
    assert judged.precision >= 0.995
    assert column or judged.f1 >= 0.978


@pytest.mark.parametrize("with_birth", [True, False])
def test_families_stay_several_people(identity: Identity, with_birth: bool) -> None:
    judged = resolved(identity, known_answers.families(with_birth=with_birth))
    assert judged.precision >= 0.99
    assert judged.recall >= 0.8

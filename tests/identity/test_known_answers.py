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


def test_records_full_of_errors_are_found(identity: Identity) -> None:
    judged = resolved(identity, known_answers.noisy())
    assert judged.precision >= 0.995
    assert judged.f1 >= 0.978


SETS = {
    "noisy": (known_answers.noisy, ("birth_date", "first_name", "last_name", "city", "email")),
    "febrl": (
        lambda: known_answers.febrl(1),
        ("birth_date", "first_name", "last_name", "city", "street", "postal_code", "region"),
    ),
}


@pytest.mark.parametrize("removed", [1.0, 0.95])
@pytest.mark.parametrize(
    ("name", "column"),
    [(name, column) for name, (_, columns) in SETS.items() for column in columns],
)
def test_a_missing_or_nearly_empty_column_makes_no_wrong_links(
    identity: Identity, name: str, column: str, removed: float
) -> None:
    people = known_answers.without(SETS[name][0](), column, removed)
    assert {column} <= set(people[0].fields)
    assert resolved(identity, people).precision >= 0.995


@pytest.mark.parametrize("with_birth", [True, False])
def test_families_stay_several_people(identity: Identity, with_birth: bool) -> None:
    judged = resolved(identity, known_answers.families(with_birth=with_birth))
    assert judged.precision >= 0.99
    assert judged.recall >= 0.8

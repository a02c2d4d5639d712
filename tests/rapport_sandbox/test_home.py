"""What the invented systems know of where people live and when they were born."""

import random

from rapport_sandbox.home import NOWHERE, Home, birth_date_of, home_of
from rapport_sandbox.person import Person

PEOPLE = [Person.make(7, number) for number in range(1000)]
SYSTEMS = ("hubspot", "sales", "shop")


def test_systems_know_most_people_and_mostly_agree() -> None:
    known = [[birth_date_of(person, system) for system in SYSTEMS] for person in PEOPLE]
    pairs = [(one, other) for one, other, _ in known if one and other]
    assert 300 < len(pairs) < 450
    assert 0.95 < sum(one == other for one, other in pairs) / len(pairs) < 1
    homes = [home_of(person, "shop") for person in PEOPLE]
    assert 650 < sum(home != NOWHERE for home in homes) < 850


def test_a_family_has_one_address_and_strangers_have_others() -> None:
    for head in range(10, 1000, 50):
        assert Home.of(PEOPLE[head]) == Home.of(PEOPLE[head + 1])
    assert len({Home.of(person)[:2] for person in PEOPLE}) > 950


def test_an_address_throws_no_dice() -> None:
    random.seed(1)
    before = random.getstate()
    home_of(PEOPLE[3], "shop")
    birth_date_of(PEOPLE[3], "shop")
    assert random.getstate() == before

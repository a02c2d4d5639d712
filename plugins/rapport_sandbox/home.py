"""Where an invented person lives and when they were born, as the systems that ask for it know it.

Everything is derived from the person's number, so no dice are thrown. A family has one address. A
system knows some people only, and now and then has day and month of a birth date swapped.

>>> person = Person.make(7, 12)
>>> home_of(person, "shopify") in (Home.of(person), NOWHERE)
True
"""

import hashlib
from datetime import date, timedelta
from typing import NamedTuple

from rapport_sandbox.person import FAMILY_EVERY, Person

STREETS = {
    "de": "Lindenweg,Hauptstraße,Gartenstraße,Bergweg,Schillerstraße,Mühlgasse,Ringstraße",
    "en": "Mill Lane,High Street,Park Road,Church Walk,Station Road,Elm Avenue",
    "fr": "rue des Lilas,rue Victor Hugo,avenue de la Gare,rue du Moulin",
    "pl": "ul. Polna,ul. Leśna,ul. Krótka,ul. Ogrodowa",
    "ru": "ул. Садовая,ул. Лесная,ул. Мира,ул. Новая",
}
# How many digits a postal code has, and what it begins with.
CODES = {"DE": (5, "0"), "AT": (4, "1"), "CH": (4, "3"), "US": (5, "0"), "FR": (5, "7"),
         "RU": (6, "1")}  # fmt: skip
REGIONS = {
    "Berlin": "Berlin", "Hamburg": "Hamburg", "München": "Bayern", "Köln": "Nordrhein-Westfalen",
    "Leipzig": "Sachsen", "Dresden": "Sachsen", "Freiburg": "Baden-Württemberg",
    "Bremen": "Bremen", "Boston": "Massachusetts", "Denver": "Colorado", "Portland": "Oregon",
}  # fmt: skip
OLDEST, DAYS = date(1945, 1, 1), 60 * 365


class Home(NamedTuple):
    """An address within a town."""

    street: str | None
    postal_code: str | None
    region: str | None

    @classmethod
    def of(cls, person: Person) -> "Home":
        """The address that all systems mean."""
        member = person.number % FAMILY_EVERY
        head = person.number - member + 10 if member in (10, 11) else person.number
        share = _share(head, "home")
        language = {"GB": "en", "US": "en", "FR": "fr", "PL": "pl", "RU": "ru"}.get(
            person.country, "de"
        )
        streets = STREETS[language].split(",")
        street, house = streets[share % len(streets)], share // 100 % 120 + 1
        is_first = language in ("en", "fr")
        return cls(
            f"{house} {street}" if is_first else f"{street} {house}",
            _postal_code(person.country, share),
            REGIONS.get(person.city),
        )


NOWHERE = Home(None, None, None)


def home_of(person: Person, system: str) -> Home:
    """The address as a system has it; `NOWHERE` for one person in four."""
    return Home.of(person) if _share(person.number, f"{system} home") % 4 else NOWHERE


def birth_date_of(person: Person, system: str) -> str | None:
    """The birth date as a system has it, YYYY-MM-DD; None for two people in five."""
    share = _share(person.number, f"{system} birth")
    if share % 5 < 2:
        return None
    born = OLDEST + timedelta(days=_share(person.number, "birth") % DAYS)
    if share // 5 % 40 == 0 and born.day <= 12:
        born = born.replace(month=born.day, day=born.month)
    return born.isoformat()


def _postal_code(country: str, share: int) -> str:
    if country == "GB":
        return f"LS{share % 28 + 1} {share // 28 % 9 + 1}AB"
    if country == "PL":
        return f"{share % 100:02d}-{share // 100 % 1000:03d}"
    digits, first = CODES[country]
    return first + f"{share % 10 ** (digits - 1):0{digits - 1}d}"


def _share(number: int, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{number}/{what}".encode()).digest()[:6])

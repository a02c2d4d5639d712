"""One invented person, derived from (seed, number) only, so that no person needs to be stored.

>>> Person.make(7, 12) == Person.make(7, 12)
True
"""

# ruff: noqa: S311 - the dice must be repeatable, nothing here is secret

import random
from dataclasses import dataclass

from rapport_sandbox import catalogue, names

FAMILY_EVERY = 50
PEOPLE_PER_COMPANY = 10
PEOPLE_PER_OFFICE = 200


@dataclass(slots=True)
class Person:
    """Who somebody is and how they behave. What they did is in `life`.

    `kind` is account (has a shop login), lead (known to the CRM), helped (known to the support
    desk) or visitor (only known by a browser). `hidden_in` is the system in which the person shares
    no exact identifier with the other systems; None for most people.
    """

    number: int
    kind: str
    first: str
    last: str
    latin_first: str
    latin_last: str
    language: str
    country: str
    city: str
    company: int | None
    job: str
    email: str
    work_email: str | None
    spare_email: str
    mobile: str
    family_phone: str | None
    device: str
    second_device: str | None
    office_device: str | None
    in_crm: bool
    in_desk: bool
    has_double: bool
    hidden_in: str | None
    mood: float
    pace: float
    is_watching_prices: bool
    favourite: str

    @property
    def user_id(self) -> str:
        return f"u_{self.number:07d}"

    @property
    def key(self) -> str:
        """The person's key in the truth table."""
        return f"person-{self.number:07d}"

    @classmethod
    def make(cls, seed: int, number: int) -> "Person":
        rng = random.Random(f"{seed}/{number}")
        draw = rng.random
        family = number % FAMILY_EVERY in (10, 11)
        head = number - number % FAMILY_EVERY + 10
        shared = random.Random(f"{seed}/family/{head}") if family else rng
        country = shared.choices(list(names.PHONES), (56, 8, 7, 8, 5, 6, 5, 5))[0]
        first, last, language = _name(rng, shared, country)
        latin_first, latin_last = names.transliterate(first), names.transliterate(last)
        local = f"{names.fold(latin_first)}.{names.fold(latin_last)}"
        company = None
        if draw() < 0.45:
            company = int(draw() * (number // PEOPLE_PER_COMPANY + 1)) * PEOPLE_PER_COMPANY
        kind = rng.choices(["account", "lead", "helped", "visitor"], [74, 12, 5, 9])[0]
        in_crm = kind == "lead" or draw() < {"account": 0.88, "helped": 0.4, "visitor": 0}[kind]
        in_desk = kind == "helped" or (kind != "visitor" and draw() < 0.45)
        hidden_in = None
        if draw() < 0.07 and (in_crm or in_desk) and (kind == "account" or (in_crm and in_desk)):
            hidden_in = (
                "zendesk" if in_desk and draw() < 0.7 else "hubspot" if in_crm else "zendesk"
            )
        office = number % PEOPLE_PER_OFFICE
        return cls(
            number=number,
            kind=kind,
            first=first,
            last=last,
            latin_first=latin_first,
            latin_last=latin_last,
            language=language,
            country=country,
            city=shared.choice(names.CITIES[country].split()),
            company=company,
            job=rng.choice(catalogue.JOBS),
            email=f"{local}{number}@example.{rng.choice(('com', 'org', 'net'))}",
            work_email=f"{local[0]}.{names.fold(latin_last)}.{number}@{company_domain(company)}"
            if company is not None
            else None,
            spare_email=f"{names.fold(latin_last)}.{number}.home@example.net",
            mobile=names.phone_digits(country, number * 4),
            family_phone=names.phone_digits(country, head * 4 + 1) if family else None,
            device=f"d{seed:x}{number:07x}a",
            second_device=f"d{seed:x}{number:07x}b"
            if kind == "account" and draw() < 0.25
            else None,
            office_device=f"office-{seed}-{number // PEOPLE_PER_OFFICE:05d}"
            if 5 <= office < 12
            else None,
            in_crm=in_crm,
            in_desk=in_desk,
            has_double=in_crm and hidden_in is None and draw() < 0.05,
            hidden_in=hidden_in,
            mood=min(1.0, max(0.0, rng.gauss(0.66, 0.24))),
            pace=rng.choices((4.0, 12.0, 35.0), (15, 45, 40))[0],
            is_watching_prices=draw() < 0.07,
            favourite=rng.choice(catalogue.CATEGORIES),
        )


def company_domain(company: int) -> str:
    word = catalogue.COMPANY_WORDS[company // PEOPLE_PER_COMPANY % len(catalogue.COMPANY_WORDS)]
    return f"{word.lower()}-{company // PEOPLE_PER_COMPANY:04d}.example"


def company_name(company: int) -> str:
    index = company // PEOPLE_PER_COMPANY
    word = catalogue.COMPANY_WORDS[index % len(catalogue.COMPANY_WORDS)]
    return f"{word} {catalogue.COMPANY_FORMS[index % 6]} {index:04d}"


def _name(rng: random.Random, shared: random.Random, country: str) -> tuple[str, str, str]:
    home = {"GB": "en", "US": "en", "FR": "fr", "PL": "pl", "RU": "ru"}.get(country, "de")
    language = "ru" if home == "de" and shared.random() < 0.09 else home
    if language == "ru":
        firsts, ending = names.CYRILLIC_FIRST[int(rng.random() * 2)]
        return rng.choice(firsts.split()), shared.choice(names.CYRILLIC_LAST.split()) + ending, "ru"
    firsts, lasts = names.LATIN[language]
    return rng.choice(firsts.split()), shared.choice(lasts.split()), language

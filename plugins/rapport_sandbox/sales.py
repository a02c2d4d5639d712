"""Events in additional CRMs: leads that become contacts, merges, deals and cases.

Each vendor's double converts the facts to its own format. The vendor's random generator decides
what happens to whom.

>>> import random
>>> facts = story(Person.make(7, 3), random.Random(1), 400 * DAY, 500 * DAY)
>>> {fact.kind for fact in facts} <= {"account", "contact", "lead", "deal", "case", "member"}
True
"""

import random
from collections.abc import Iterator
from typing import NamedTuple

from rapport_sandbox.clock import DAY, HOUR, SECOND
from rapport_sandbox.home import birth_date_of, home_of
from rapport_sandbox.person import Person, company_domain, company_name
from rapport_sandbox.store import Json

STAGES = ("Qualification", "Proposal", "Negotiation", "Closed Won", "Closed Lost")
BIN = 15 * DAY
BEGINNING = 1_700_000_000 * SECOND


class Fact(NamedTuple):
    """The state of a record from a time (ms) on.

    `said` holds its fields; `state` is `live`, `bin` (recycle bin) or `gone` (deleted for good).
    """

    moment: int
    kind: str
    number: int
    said: Json
    state: str = "live"


def story(person: Person, dice: random.Random, arrival: int, until: int) -> Iterator[Fact]:
    """Yield the facts of one person. Two in three accounts and leads have any."""
    if person.kind not in ("account", "lead") or dice.random() > 0.66:
        return
    if person.company is not None:
        yield _account(person.company, arrival)
    moment = arrival
    if person.kind == "lead":
        lead = _card(person, arrival)
        yield Fact(arrival, "lead", person.number, lead)
        if dice.random() < 0.35:
            return
        moment = arrival + int((1 + dice.random() * 40) * DAY)
        lead = {**lead, "contact": person.number * 10, "converted": moment}
        yield Fact(moment, "lead", person.number, lead)
    yield from _contact(person, dice, moment)
    yield from _deals(person, dice, moment)
    if dice.random() < 0.3:
        member = {"contact": person.number * 10, "created": moment, "answered": False}
        joined = moment + int(dice.random() * 30 * DAY)
        yield Fact(joined, "member", person.number, member)
        if dice.random() < 0.4:
            yield Fact(joined + DAY, "member", person.number, {**member, "answered": True})


def _contact(person: Person, dice: random.Random, moment: int) -> Iterator[Fact]:
    """The contact, its changes, a duplicate that is merged into it, and its deletion."""
    number, card = person.number * 10, _card(person, moment)
    yield Fact(moment, "contact", number, card)
    now = moment
    if dice.random() < 0.4:
        now += int((1 + dice.random() * 90) * DAY)
        card = {**card, "phone": f"+{person.mobile}"}
        yield Fact(now, "contact", number, card)
    if dice.random() < 0.08:
        now += int((1 + dice.random() * 60) * DAY)
        card = {**card, "is_out": True}
        yield Fact(now, "contact", number, card)
    if person.has_double or dice.random() < 0.04:
        double = {**card, "email": person.spare_email, "phone": None}
        yield Fact(moment + HOUR, "contact", number + 1, double)
        merged = moment + int((2 + dice.random() * 60) * DAY)
        yield Fact(merged, "contact", number + 1, {**double, "master": number}, "bin")
    if dice.random() < 0.05:
        end = now + int((1 + dice.random() * 100) * DAY)
        yield Fact(end, "contact", number, card, "bin")
        yield Fact(end + BIN, "contact", number, card, "gone")


def _deals(person: Person, dice: random.Random, moment: int) -> Iterator[Fact]:
    """A deal that moves through its stages, and a case that is solved."""
    contact, company = person.number * 10, person.company
    if dice.random() < 0.35:
        amount = round(200 + dice.random() * 9000, 2)
        deal = {"name": f"Office supply {person.number:07d}", "contact": contact,
                "account": company, "amount": amount, "created": moment}  # fmt: skip
        end, now = 3 + int(dice.random() * 2), moment
        for stage in (0, 1, 2, end):
            now += int((1 + dice.random() * 20) * DAY)
            closes = (moment + 60 * DAY) if stage < 3 else now
            changed = {**deal, "stage": STAGES[stage], "closes": closes}
            yield Fact(now, "deal", person.number, changed)
    if dice.random() < 0.3:
        asked = moment + int(dice.random() * 60 * DAY)
        case: Json = {"contact": contact, "email": person.email, "created": asked,
                      "subject": "Question about an invoice"}  # fmt: skip
        yield Fact(asked, "case", person.number, {**case, "closed": None})
        solved = asked + int((0.1 + dice.random() * 5) * DAY)
        yield Fact(solved, "case", person.number, {**case, "closed": solved})


def _account(company: int, moment: int) -> Fact:
    """The company of a person. Each person yields it, so that it exists from the first one on."""
    created = BEGINNING + company * HOUR
    said: Json = {"name": company_name(company), "domain": company_domain(company),
                  "employees": 5 + company * 7919 % 400, "created": created}  # fmt: skip
    return Fact(moment, "account", company, said)


def _card(person: Person, moment: int) -> Json:
    home = home_of(person, "sales")
    return {
        "first": person.first,
        "last": person.last,
        "email": person.email,
        "phone": None,
        "mobile": None if person.number % 3 else f"+{person.mobile}",
        "birth_date": birth_date_of(person, "sales"),
        "street": home.street,
        "postal_code": home.postal_code,
        "region": home.region,
        "city": person.city,
        "country": person.country,
        "job": person.job or None,
        "account": person.company,
        "company": company_name(person.company) if person.company is not None else "self-employed",
        "user_id": person.user_id if person.kind == "account" else None,
        "is_out": False,
        "created": moment,
    }

"""Events in the invented CRM: contacts, companies, deals, merges and archived contacts.

>>> contact_id(12, 0)
1000120
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapport_sandbox import names
from rapport_sandbox.catalogue import INDUSTRIES
from rapport_sandbox.clock import DAY, HOUR, SECOND, iso
from rapport_sandbox.home import birth_date_of, home_of
from rapport_sandbox.person import PEOPLE_PER_COMPANY, Person, company_domain, company_name
from rapport_sandbox.store import Batch, Json

if TYPE_CHECKING:
    from rapport_sandbox.life import Life

STAGES = ("appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost")
IMPORT_SIZE = 5000
IMPORT_AGE = 80 * DAY


def contact_id(number: int, copy: int) -> int:
    return 1_000_000 + number * 10 + copy


def company_id(company: int) -> int:
    return 5_000_000_000 + company


def deal_id(number: int) -> int:
    return 7_000_000_000 + number


def add_contact(life: Life, moment: int) -> None:
    """Add the person's contact. One in twenty gets a second contact, which is merged later."""
    person, dice = life.person, life.dice
    first, last = life.written_name(in_desk=False)
    hidden = person.hidden_in == "hubspot"
    is_known = person.kind == "account" and not hidden and life.chance(0.8)
    uses_work = person.work_email is not None and not hidden and life.chance(0.4)
    email = person.spare_email if hidden else person.email
    extra = []
    if uses_work and person.work_email is not None:
        email = person.work_email
        if not is_known or life.chance(0.5):
            extra.append(person.email)
    if person.company is not None and life.chance(0.04):
        extra.append(f"info@{company_domain(person.company)}")
    if life.chance(0.01):
        extra.append(dice.choice(("test@test.com", "noreply@example.com")))
    phone, mobile = "", ""
    if not hidden:
        if person.family_phone is not None:
            phone = names.write_phone(person.country, person.family_phone, "spaced")
        elif life.chance(0.05):
            phone = dice.choice(("0000000000", "n/a", "123456", "null"))
        mobile = life.phone() if life.chance(0.7) else ""
    home = home_of(person, "hubspot")
    properties: Json = {
        "email": life.spelling(email),
        "hs_additional_emails": ";".join(extra),
        "firstname": first,
        "lastname": last,
        "phone": phone,
        "mobilephone": mobile,
        "date_of_birth": birth_date_of(person, "hubspot") or "",
        "address": home.street or "",
        "zip": home.postal_code or "",
        "state": home.region or "",
        "country": person.country,
        "city": person.city,
        "company": company_name(person.company) if person.company is not None else "",
        "jobtitle": person.job,
        "lifecyclestage": "customer" if person.kind == "account" else "lead",
        "hs_language": person.language,
        "app_user_id": person.user_id if is_known else "",
        "hs_email_optout": "true" if life.state.get("is_out") else "false",
        "hs_merged_object_ids": "",
    }
    changed = moment
    if moment < life.since and life.chance(0.8):  # an import gave many contacts the same time
        changed = life.until - IMPORT_AGE + person.number // IMPORT_SIZE * SECOND
    _put(life, _contact(person, 0, properties, moment), changed)
    life.truth(f"hubspot:contacts:{contact_id(person.number, 0)}", "fuzzy" if hidden else "exact")
    life.state["in_crm"] = True
    since = max(moment, life.since)
    if person.has_double:
        copy = dict(properties, email=person.spare_email, hs_additional_emails="", phone="")
        copy["mobilephone"] = "" if is_known else life.phone()
        body = _contact(person, 1, copy, since)
        life.batch.put("hubspot_contacts", contact_id(person.number, 1), body, since)
        life.truth(f"hubspot:contacts:{contact_id(person.number, 1)}")
        life.later(life.daytime(since + life.wait(40)), "merge")
    if life.chance(0.03):
        life.later(life.daytime(since + life.wait(90)), "archive")
    if life.chance(0.15):
        life.later(life.daytime(since + life.wait(30)), "deal", {"stage": 0})


def add_company(batch: Batch, number: int, moment: int) -> None:
    """Add a company for every tenth person."""
    if number % PEOPLE_PER_COMPANY:
        return
    id = company_id(number)
    properties = {
        "name": company_name(number),
        "domain": company_domain(number),
        "country": "DE",
        "industry": INDUSTRIES[number // PEOPLE_PER_COMPANY % len(INDUSTRIES)],
        "numberofemployees": str(5 + number * 7919 % 400),
        "createdate": iso(moment),
        "hs_lastmodifieddate": iso(moment),
        "hs_object_id": str(id),
    }
    batch.put("hubspot_companies", id, _record(id, properties, moment, moment), moment)


def update_contact(life: Life, moment: int, **properties: str) -> None:
    """Change properties of the person's contact, if the CRM has one."""
    body = life.batch.get("hubspot_contacts", contact_id(life.person.number, 0))
    if body is None or body["archived"]:
        return
    body["properties"].update(properties)
    _put(life, body, moment)


def forget(life: Life, moment: int) -> None:
    """Erase the person: the contacts are deleted without a trace."""
    for copy in (0, 1):
        life.batch.drop("hubspot_contacts", contact_id(life.person.number, copy))
    deal = life.batch.get("hubspot_deals", deal_id(life.person.number))
    if deal is not None:
        deal.pop("associations", None)
        _put_deal(life, deal, moment)


def _change(life: Life, moment: int, _: Any) -> None:
    """The person gets a new phone number, or a new address with the old one as additional."""
    if life.chance(0.6):
        life.state["mobile"] = names.phone_digits(
            life.person.country, life.person.number * 4 + 2 + life.count("changes") % 2
        )
        update_contact(life, moment, mobilephone=life.phone())
    else:
        old, new = life.email(), f"new.{life.count('moves')}.{life.person.email}"
        life.state["email"] = new
        body = life.batch.get("hubspot_contacts", contact_id(life.person.number, 0))
        if body is not None and body["properties"]["email"].lower() == old.lower():
            extra = [*filter(None, body["properties"]["hs_additional_emails"].split(";")), old]
            update_contact(life, moment, email=new, hs_additional_emails=";".join(extra))
    if life.chance(0.1):  # in the last seconds before a run, which the search does not return yet
        moment = moment - moment % DAY + 3 * HOUR - 10 * SECOND
    life.later(moment + life.wait(420) + DAY, "change")


def _merge(life: Life, moment: int, _: Any) -> None:
    """The second contact is merged into the first, and its id disappears."""
    loser = contact_id(life.person.number, 1)
    body = life.batch.get("hubspot_contacts", loser)
    winner = life.batch.get("hubspot_contacts", contact_id(life.person.number, 0))
    if body is None or winner is None:
        return
    extra = winner["properties"]["hs_additional_emails"].split(";")
    extra.append(body["properties"]["email"])
    update_contact(
        life,
        moment,
        hs_additional_emails=";".join(filter(None, extra)),
        hs_merged_object_ids=str(loser),
    )
    life.batch.drop("hubspot_contacts", loser)


def _archive(life: Life, moment: int, _: Any) -> None:
    body = life.batch.get("hubspot_contacts", contact_id(life.person.number, 0))
    if body is not None:
        body.update(archived=True, archivedAt=iso(moment))
        _put(life, body, moment)


def _deal(life: Life, moment: int, data: Json) -> None:
    """A deal is created, or moves to the next stage."""
    stage, person = data["stage"], life.person
    id = deal_id(person.number)
    body = life.batch.get("hubspot_deals", id)
    if body is None:
        properties = {
            "dealname": f"Office supply {person.number:07d}",
            "amount": f"{200 + life.dice.random() * 9000:.2f}",
            "deal_currency_code": "EUR",
            "pipeline": "default",
            "closedate": iso(moment + 30 * DAY),
            "createdate": iso(moment),
            "hs_object_id": str(id),
        }
        body = _record(id, properties, moment, moment)
        body["associations"] = {"contacts": str(contact_id(person.number, 0))}
    body["properties"]["dealstage"] = STAGES[stage]
    if stage >= 3:
        body["properties"]["closedate"] = iso(moment)
    else:
        following = stage + 1 if stage < 2 else 3 + int(life.dice.random() * 2)
        life.later(life.daytime(moment + life.wait(14)), "deal", {"stage": following})
    _put_deal(life, body, moment)


def _contact(person: Person, copy: int, properties: Json, created: int) -> Json:
    id = contact_id(person.number, copy)
    properties = dict(properties, createdate=iso(created), lastmodifieddate=iso(created))
    body = _record(id, dict(properties, hs_object_id=str(id)), created, created)
    if person.company is not None:
        body["associations"] = {"companies": str(company_id(person.company))}
    return body


def _record(id: int, properties: Json, created: int, updated: int) -> Json:
    return {
        "id": str(id),
        "properties": properties,
        "createdAt": iso(created),
        "updatedAt": iso(updated),
        "archived": False,
    }


def _put(life: Life, body: Json, moment: int) -> None:
    body["updatedAt"] = body["properties"]["lastmodifieddate"] = iso(moment)
    life.batch.put("hubspot_contacts", int(body["id"]), body, moment, body["archived"])


def _put_deal(life: Life, body: Json, moment: int) -> None:
    body["updatedAt"] = body["properties"]["hs_lastmodifieddate"] = iso(moment)
    life.batch.put("hubspot_deals", int(body["id"]), body, moment)


HANDLERS = {"change": _change, "merge": _merge, "archive": _archive, "deal": _deal}

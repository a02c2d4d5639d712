"""The records that matching compares: the fields of a contact in a form that can be compared.

>>> made = fields(Contact("Obermeier, Sven", email="sven.10@example.net", street="Am Markt 7a"))
>>> made.given, made.surname, made.number, made.street, made.house
('sven', 'obermeier', '10', 'am markt', '7a')
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import jellyfish
import psycopg
import yaml
from rapidfuzz import fuzz

from rapport.identity.normal_forms import name_form

CHUNK = 20_000
LONGEST = 200
HOUSE = re.compile(r"\b\d+ ?[a-z]?\b")
LIKE_A_NAME, FEWEST_LETTERS = 70, 5


class Contact(NamedTuple):
    """The columns of a contact that its record is made of."""

    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    birth_date: date | None = None
    postal_code: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    company_name: str | None = None


class Fields(NamedTuple):
    """The fields of a record; None where there is nothing to compare."""

    given: str | None
    surname: str | None
    given_root: str | None
    sound: str | None
    birth: str | None
    email: str | None
    mail: str | None
    number: str | None
    postal: str | None
    street: str | None
    house: str | None
    city: str | None
    region: str | None
    country: str | None
    company: str | None


def fields(contact: Contact) -> Fields:
    """The fields of a contact: lower-case, without accents and punctuation."""
    given, surname = _names(contact)
    local = (contact.email or "").partition("@")[0][:LONGEST].lower()
    digits = re.findall(r"[0-9]+", local)
    # Of equally long numbers the last is used: in "2.anna.7", the 2 belongs to the mailbox.
    number = max(enumerate(digits), key=lambda item: (len(item[1]), item[0]), default=(0, None))[1]
    street, house = _street(contact.street)
    return Fields(
        given,
        surname,
        _root(given) if given else None,
        _sound(given, surname),
        contact.birth_date.isoformat() if contact.birth_date else None,
        (contact.email or "").strip().lower()[:LONGEST] or None,
        _without_names(local, given, surname),
        number,
        (_form(contact.postal_code) or "").replace(" ", "") or None,
        street,
        house,
        _form(contact.city),
        _form(contact.region),
        _form(contact.country),
        _form(contact.company_name),
    )


def _form(text: str | None) -> str | None:
    return name_form(text[:LONGEST]) or None if text else None


def _names(contact: Contact) -> tuple[str | None, str | None]:
    """The given name and the surname; a single name counts as a given name."""
    full, first, last = contact.full_name, contact.first_name, contact.last_name
    if full and "," in full and not (first and last):
        last, _, first = (part.strip() for part in full.partition(","))
    if first or last:
        return _form(first), _form(last)
    words = (_form(full) or "").split()
    if len(words) > 1:
        return words[0], words[-1]
    return (words[0] if words else None), None


@cache
def _roots() -> dict[str, str]:
    """Each short form and its name. A form of several names stands for none of them."""
    text = resources.files(__package__).joinpath("nicknames.yml").read_text("utf-8")
    roots: dict[str, str] = {}
    shared = set()
    for names in yaml.safe_load(text):
        for form in names:
            if roots.setdefault(form, names[0]) != names[0]:
                shared.add(form)
    return {form: root for form, root in roots.items() if form not in shared}


def _root(given: str) -> str:
    return _roots().get(given, given)


def _sound(given: str | None, surname: str | None) -> str | None:
    """How both names sound, in an order of their own, so that exchanged names sound the same."""
    if not given or not surname:
        return None
    return " ".join(sorted(jellyfish.soundex(name.replace(" ", "")) for name in (given, surname)))


def _without_names(local: str, *names: str | None) -> str | None:
    """The local part of an address, if it does not come from its owner's name.

    Two people of one name have similar addresses, so that these would say nothing new.

    >>> _without_names("bjoern.holm7", "bjorn", "holm"), _without_names("pirate7", "bjorn", "holm")
    (None, 'pirate7')
    """
    rest = re.sub(r"[^a-z0-9]", "", local)
    words = {word for name in names if name for word in name.split() if len(word) > 2}
    for word in words:
        if word in rest or fuzz.partial_ratio(word, rest) >= LIKE_A_NAME:
            return None
    return rest if sum(map(str.isalpha, rest)) >= FEWEST_LETTERS else None


def _street(raw: str | None) -> tuple[str | None, str | None]:
    """The street without its number, and the number of the house."""
    text = _form(raw)
    if text is None:
        return None, None
    found = HOUSE.search(text)
    if found is None:
        return text, None
    rest = " ".join((text[: found.start()] + text[found.end() :]).split())
    return rest or None, found.group().replace(" ", "")


def refresh(warehouse: psycopg.Connection[Any]) -> int:
    """Update `identity.match_records`; returns how many records were added.

    Leaves the changed records in the temporary table `match_changed`.
    """
    warehouse.execute(CHANGED)
    warehouse.execute("analyze match_changed")
    warehouse.execute(NOTE_CHANGES)
    warehouse.execute(REMOVE_KEYS)
    warehouse.execute(REMOVE_RECORDS)
    columns = ", ".join(f"{name} text" for name in Fields._fields)
    made = f"create temporary table match_fields (profile_key bigint, {columns}) on commit drop"
    warehouse.execute(made.encode())
    for rows in _chunks(warehouse):
        with warehouse.cursor().copy("copy match_fields from stdin") as copy:
            for key, *raw in rows:
                copy.write_row((key, *fields(Contact(*raw))))
    warehouse.execute("analyze match_fields")
    return warehouse.execute(ADD_RECORDS.encode()).rowcount


def _chunks(warehouse: psycopg.Connection[Any]) -> Iterator[list[tuple[Any, ...]]]:
    with warehouse.cursor("match_contacts") as contacts:
        contacts.execute(CONTACTS.encode())
        while rows := contacts.fetchmany(CHUNK):
            yield rows


_OF_CONTACT = ", ".join(f"contacts.{name}" for name in Contact._fields)

CHANGED = f"""
create temporary table match_changed on commit drop as
with contacts as (
    select
        profiles.profile_key,
        hashtextextended(
            jsonb_build_array(
                {_OF_CONTACT}, contacts.phone, contacts.user_id, state.rules_hash
            )::text, 0
        ) as fingerprint
    from intermediate.int_contacts_unioned as contacts
    inner join identity.profiles on profiles.profile_id = contacts.profile_id
    cross join identity.state
    where
        coalesce(contacts.full_name, contacts.first_name, contacts.last_name) is not null
        or coalesce(contacts.birth_date::text, contacts.street) is not null
)

select profile_key, contacts.fingerprint
from contacts
full join identity.match_records as known using (profile_key)
where contacts.fingerprint is distinct from known.fingerprint
"""  # noqa: S608 - the names of our own columns

# The resolver counts the records of a customer, so it looks at these profiles again.
NOTE_CHANGES = """
insert into identity.match_changes
select profile_key from match_changed
on conflict do nothing
"""

REMOVE_KEYS = """
delete from identity.match_keys
using (
    select unnest(records.keys) as key, records.profile_key
    from identity.match_records as records
    inner join match_changed using (profile_key)
) as former
where match_keys.key = former.key and match_keys.profile_key = former.profile_key
"""

REMOVE_RECORDS = """
delete from identity.match_records as records
using match_changed
where records.profile_key = match_changed.profile_key
"""

CONTACTS = f"""
select match_changed.profile_key, {_OF_CONTACT}
from match_changed
inner join identity.profiles using (profile_key)
inner join intermediate.int_contacts_unioned as contacts
    on contacts.profile_id = profiles.profile_id
where match_changed.fingerprint is not null
"""  # noqa: S608 - the names of our own columns

ADD_RECORDS = f"""
with identifiers as (
    select
        offered.profile_key,
        array_agg(distinct offered.identifier_key order by offered.identifier_key)
            filter (where offered.identifier_type = 'email') as emails,
        array_agg(distinct offered.identifier_key order by offered.identifier_key)
            filter (where rules.is_account) as accounts,
        min(offered.identifier_key) filter (where offered.identifier_type = 'phone') as phone
    from match_fields
    inner join identity_build.int_identifiers_normalised as offered using (profile_key)
    inner join identity.rules using (identifier_type)
    left join identity.name_clashes using (identifier_key)
    where
        offered.identifier_key is not null
        and name_clashes.identifier_key is null
        and (offered.identifier_type in ('email', 'phone') or rules.is_account)
    group by offered.profile_key
)

insert into identity.match_records (
    profile_key, fingerprint, {", ".join(Fields._fields)}, phone, emails, accounts, keys
)
select
    made.profile_key,
    match_changed.fingerprint,
    {", ".join(f"made.{name}" for name in Fields._fields)},
    phones.normal_form,
    coalesce(identifiers.emails, '{{}}'),
    coalesce(identifiers.accounts, '{{}}'),
    '{{}}'
from match_fields as made
inner join match_changed using (profile_key)
left join identifiers using (profile_key)
left join identity.identifiers as phones on phones.identifier_key = identifiers.phone
"""  # noqa: S608 - the names of our own columns

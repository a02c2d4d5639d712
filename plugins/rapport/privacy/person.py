"""Finds everything that belongs to one person: customers, profiles, identifiers and records.

>>> find(connection, "mara@example.com").customers  # doctest: +SKIP
{'c_0a1b2c3d4e5f60718293'}
"""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from rapport.errors import ConfigError
from rapport.identity import lookup
from rapport.identity.normal_forms import LONGEST, normal_form
from rapport.landing import person_references
from rapport.landing.raw_tables import table_of
from rapport.landing.tombstones import Handles
from rapport.privacy import tables_of_others

Connection = psycopg.Connection[Any]
MAX_REFERENCES = 6  # how many references are followed from record to record


@dataclass(slots=True)
class Person:
    """The ids of one person.

    `handles` are ids by namespace, in lower case. `traces` are e-mail addresses and phone numbers
    that only this person has. `keys` are identity's keys of the profiles, and `identifiers` its
    keys of the identifiers that only this person has.
    """

    customers: set[str] = field(default_factory=set)
    profiles: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    identifiers: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    handles: Handles = field(default_factory=dict)

    def add(self, namespace: str, *values: str) -> None:
        """Add ids of a namespace to the handles."""
        self.handles.setdefault(namespace, set()).update(value.lower() for value in values)

    def records(self, source: str, stream: str) -> list[str]:
        """The keys of the person's records in a stream, in lower case."""
        return sorted(self.handles.get(person_references.record_namespace(source, stream), ()))


def find(connection: Connection, who: str, *, region: str = "DE") -> Person:
    """Find the person that an id, an e-mail address or a phone number stands for.

    An e-mail address that identity does not know is accepted too: the person's records are found by
    it. `region` is the ISO 3166 code for phone numbers without a country code. Raises `ConfigError`
    if nobody or more than one customer is found.
    """
    text = who.replace("\x00", "").strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(
            "privacy: no person was given. Give a customer id, record id, e-mail address or phone "
            "number."
        )
    customers = _customers(connection, text, region)
    if len(customers) > 1:
        raise ConfigError(
            f"privacy: this belongs to {len(customers)} customers: "
            f"{', '.join(sorted(customers))}. Give the id of one of them."
        )
    person = Person()
    _add_identity(connection, person, customers)
    email = normal_form("email", text)
    if email.value is not None and email.problem is None:
        person.add("email", text, email.value)
        person.traces |= {text, email.value}
    if text.count(":") >= 2:
        _add_profile(person, text)
    if not any(person.handles.values()):
        raise ConfigError(
            "privacy: no customer has that id or phone number. Give the e-mail address, or look "
            "the customer up with `rapport card`."
        )
    _add_records(connection, person)
    return person


def _customers(connection: Connection, text: str, region: str) -> set[str]:
    forms = {
        "email": normal_form("email", text).value,
        "phone": normal_form("phone", text, region).value,
        "other": normal_form("other", text).value,
    }
    return set(
        lookup.by_id(connection, text)
        or lookup.by_form(connection, forms)
        or _former_owners(connection, forms)
    )


def _former_owners(connection: Connection, forms: dict[str, str | None]) -> list[str]:
    """The customers who had the identifier earlier, or whose record with it was deleted."""
    known = {kind: form for kind, form in forms.items() if form is not None}
    rows = connection.execute(
        FORMER, {"kinds": list(known), "forms": list(known.values())}
    ).fetchall()
    return [row[0] for row in rows]


def _add_identity(connection: Connection, person: Person, customers: set[str]) -> None:
    """Add the former ids, profiles and identifiers of the customers."""
    ids = list(customers)
    for alias, customer in connection.execute(ALIASES, {"ids": ids}):
        person.customers |= {alias, customer}
    person.customers |= customers
    person.add("customer", *person.customers)
    for profile, key in connection.execute(PROFILES, {"ids": list(person.customers)}):
        _add_profile(person, profile)
        person.keys.add(str(key))
    keys = [int(key) for key in person.keys]
    for key, kind, form, is_own, links in connection.execute(IDENTIFIERS, {"keys": keys}):
        if links:
            person.add(kind, form)
        if is_own:
            person.identifiers.add(str(key))
            person.traces |= {form} if kind in ("email", "phone") else set()
    own = [int(key) for key in person.identifiers]
    for kind, raw, links in connection.execute(RAW_FORMS, {"keys": own}):
        if links:
            person.add(kind, raw)
        person.traces |= {raw} if kind in ("email", "phone") else set()
    person.traces = {trace for trace in person.traces if len(trace) >= 6}


def _add_profile(person: Person, profile: str) -> None:
    source, kind, value = profile.split(":", 2)
    person.profiles.add(profile)
    if source == "files" and kind == "consent":
        person.add("email" if "@" in value else "user_id", value)
    namespace = f"{source}:{kind}"
    person.add(namespace, value)
    if prefix := person_references.key_prefix(namespace):
        person.add(namespace, prefix + value)


def _add_records(connection: Connection, person: Person) -> None:
    """Add the records that refer to the person, the records that refer to those, and so on."""
    others = tables_of_others.tables(connection)
    streams = [one for one in person_references.streams() if ("raw", "__".join(one)) not in others]
    for _ in range(MAX_REFERENCES):
        before = sum(map(len, person.handles.values()))
        for source, stream in streams:
            namespace = person_references.record_namespace(source, stream)
            for reference in person_references.references(source, stream):
                values = sorted(person.handles.get(reference.namespace, ()))
                if values:
                    statement = sql.SQL("select distinct record_key from {} where {}").format(
                        table_of(source, stream), reference.condition
                    )
                    found = connection.execute(statement, {"values": values}).fetchall()
                    if found:
                        person.add(namespace, *(row[0] for row in found))
        if sum(map(len, person.handles.values())) == before:
            return


FORMER = """
with asked as (
    select identifier_key
    from identity.identifiers
    inner join unnest(%(kinds)s::text[], %(forms)s::text[]) as given (kind, form)
        on identifiers.normal_form = given.form
        and (identifiers.identifier_type = given.kind
            or (given.kind = 'other' and identifiers.identifier_type not in ('email', 'phone')))
)

select customer_id from identity.earlier_addresses
where identifier_key in (select identifier_key from asked)
union
select customer_id from identity.refusals
where identifier_keys && (select array_agg(identifier_key) from asked)
order by 1
"""

ALIASES = """
select aliases.alias_id, aliases.customer_id
from identity.aliases
where aliases.customer_id = any(%(ids)s) or aliases.alias_id = any(%(ids)s)
"""

PROFILES = """
select profile_id, profile_key from identity.members where customer_id = any(%(ids)s)
"""

IDENTIFIERS = """
with offered as (
    select distinct
        coalesce(identifier_key, excluded_key) as key,
        identifier_key is not null as links
    from identity_build.int_identifiers_normalised
    where profile_key = any(%(keys)s) and coalesce(identifier_key, excluded_key) is not null
)

select
    offered.key,
    identifiers.identifier_type,
    identifiers.normal_form,
    not exists (
        select from identity_build.int_identifiers_normalised as others
        where offered.key in (others.identifier_key, others.excluded_key)
            and not others.profile_key = any(%(keys)s)
    ),
    offered.links and not exists (
        select from identity.capped where capped.identifier_key = offered.key
    )
from offered
inner join identity.identifiers on identifiers.identifier_key = offered.key
"""

RAW_FORMS = """
select identifier_type, raw_value, problem is null
from identity.normal_forms
where identifier_key = any(%(keys)s)
"""

"""The people of the simulation in plain dicts, and what identity and marts say of them at night.

A human has two addresses, a phone and a word for each channel and purpose; a customer is the humans
that identity takes for one. `publish` writes what a night's build would publish.

>>> people = Company(world, numbers=8)  # doctest: +SKIP
>>> people.says("p1", False, at=noon)  # doctest: +SKIP
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .project import CONSENT_SOURCES

CHANNELS = ("email", "sms")
PURPOSES = ("marketing", "feedback", "service")
TABLES = """
create schema if not exists identity_build;
create table if not exists identity_build.int_identifiers_normalised
    (profile_key bigint, identifier_key bigint, excluded_key bigint);
insert into identity.rules (identifier_type, weight, cap, is_weak, is_marker)
values ('email', 1, 9, false, 'never'), ('phone', 1, 9, true, 'never') on conflict do nothing;
"""
EMPTY = """
select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables
where schemaname in ('identity', 'identity_build', 'segments', 'activation', 'marts', 'marts_pii',
        'privacy')
    and (schemaname, tablename) not in (('identity', 'state'), ('identity', 'rules'),
        ('privacy', 'salt'))
"""
OFFER = """
with profile as (
    insert into identity.profiles (profile_id) values (%(profile)s)
    on conflict (profile_id) do update set profile_id = excluded.profile_id returning profile_key
),
offered as (
    insert into identity.identifiers (identifier_type, normal_form)
    select * from unnest(%(kinds)s::text[], %(values)s::text[])
    on conflict (identifier_type, normal_form)
    do update set normal_form = excluded.normal_form
    returning identifier_key, normal_form = any(%(excluded)s) as is_excluded
),
member as (
    insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
    select %(profile)s, %(customer)s, %(as_of)s, profile_key, 1 from profile
)
insert into identity_build.int_identifiers_normalised
select profile_key, case when is_excluded then null else identifier_key end,
    case when is_excluded then identifier_key end
from profile cross join offered
"""


@dataclass
class Word:
    """What somebody said last: yes or no, when, and which source knows it."""

    is_granted: bool
    at: datetime
    source: str


@dataclass
class Human:
    """`addresses` are e-mail addresses; `golden` is the index of the one that is written to."""

    name: str
    addresses: list[str]
    phone: str
    words: dict[tuple[str, str], Word] = field(default_factory=dict)
    golden: int = 0
    former: list[str] = field(default_factory=list)


class Company:
    """Who there is. `customer` has the customer of each human: the human whose id survived."""

    def __init__(self, world: Any, number: int) -> None:
        self.world = world
        self.humans = {
            name: Human(name, [f"{name}@example.com", f"{name}@example.net"], f"+4930555{i:04}")
            for i, name in enumerate(f"p{n}" for n in range(number))
        }
        self.customer = {name: name for name in self.humans}
        self.erased: dict[str, Human] = {}
        self.excluded: set[str] = set()
        self.aliases = {name: name for name in self.humans}
        world.connection.execute(TABLES)

    def of(self, customer: str) -> list[Human]:
        """The humans of a customer, by any id that it ever had; those of an erased one too."""
        now = self.aliases.get(customer, customer)
        return [self.humans[name] for name, id in self.customer.items() if id == now]

    def owner(self, address: str) -> Human | None:
        """Whose address or number it is."""
        for human in (*self.humans.values(), *self.erased.values()):
            if address in (*human.addresses, *human.former, human.phone):
                return human
        return None

    def says(self, name: str, is_granted: bool, at: datetime) -> None:
        """Yes or no to everything; the no of a source that is off is heard by the other one."""
        human = self.humans[name]
        for channel in CHANNELS:
            for purpose in PURPOSES:
                known = human.words.get((channel, purpose))
                source = known.source if known else CONSENT_SOURCES[int(name[1:]) % 4 == 3]
                human.words[channel, purpose] = Word(is_granted, at, source)

    def merge(self, old: str, new: str) -> None:
        """Two customers turn out to be one."""
        for name, id in self.customer.items():
            if id == old:
                self.customer[name] = new
        for alias, id in self.aliases.items():
            if id == old:
                self.aliases[alias] = new

    def split(self, name: str) -> None:
        """A human who was merged stands alone again, under the id from before."""
        self.customer[name] = self.aliases[name] = name

    def forget(self, names: list[str]) -> None:
        """They were erased: no build knows them any more."""
        for name in names:
            self.erased[name] = self.humans.pop(name)
            self.customer.pop(name)
            self.aliases.pop(name, None)

    def publish(self, as_of: datetime, readable: set[str]) -> None:
        """Identity, customers, contacts and consents as of the night; `readable` are the sources.

        A no is known for good once it was heard. A yes of a source that cannot be read is missing,
        as it is where the models of a source that is off are not built.
        """
        run = self.world.connection.execute
        run("truncate marts.dim_customers, marts_pii.dim_customer_contacts, marts.dim_consents,"
            " identity_build.int_identifiers_normalised, identity.members, identity.aliases")  # fmt: skip
        for alias, customer in self.aliases.items():
            run("insert into identity.aliases values (%s, %s, %s, %s)",
                (alias, customer, as_of, f"hubspot:contacts:{alias}"))  # fmt: skip
        for name, human in self.humans.items():
            customer = self.customer[name]
            kinds, values = ["email", "phone"], [human.addresses[0], human.phone]
            for profile, offers in ((f"hubspot:contacts:{name}", (kinds, values)),
                                    (f"typeform:responses:{name}", (["email"], human.addresses[1:]))):  # fmt: skip
                run(OFFER, {"profile": profile, "customer": customer, "as_of": as_of,
                            "kinds": offers[0], "values": offers[1], "excluded": list(self.excluded)})  # fmt: skip
        for customer in sorted(set(self.customer.values())):
            human = self.humans[customer] if customer in self.humans else self.of(customer)[0]
            run("insert into marts.dim_customers (customer_id) values (%s)", (customer,))
            run("insert into marts_pii.dim_customer_contacts values (%s, %s, %s, %s, null)",
                (customer, human.addresses[human.golden], human.phone, human.name.title()))  # fmt: skip
            for key, word in self.words(customer, readable).items():
                run("insert into marts.dim_consents values (%s, %s, %s, %s, %s, %s, '2026-01', %s)",
                    (customer, *key, word.is_granted, word.at, word.source,
                     f"{word.source} {customer} {word.at}"))  # fmt: skip
        # A crowd in no segment, so that one person's word is a small share of all.
        run("insert into marts.dim_customers select 'crowd' || n from generate_series(1, 80) as n")
        if CONSENT_SOURCES[0] in readable:
            run("insert into marts.dim_consents select 'crowd' || n, channel, purpose, true, %s, %s,"
                " '2026-01', 'crowd ' || n || channel || purpose from generate_series(1, 80) as n,"
                " unnest(%s::text[]) as channel, unnest(%s::text[]) as purpose",
                (as_of, CONSENT_SOURCES[0], list(CHANNELS), list(PURPOSES)))  # fmt: skip
        run("delete from marts.data_status")

    def words(self, customer: str, readable: set[str]) -> dict[tuple[str, str], Word]:
        """The most restrictive word of the humans of a customer, as `dim_consents` has it."""
        found: dict[tuple[str, str], Word] = {}
        for human in self.of(customer):
            for key, word in human.words.items():
                if word.is_granted and word.source not in readable:
                    continue
                if key not in found or found[key].is_granted > word.is_granted:
                    found[key] = word
        return found

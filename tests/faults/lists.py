"""What comes after landing, for the story: customers, consent, one list of a tool that remembers.

The models are a few lines of SQL; plan, push and erasure are the real ones.

>>> House(connection, tool).night(crash_at="activation.answered")  # doctest: +SKIP
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg

from rapport import faults
from rapport.privacy.erase import erase
from rapport.privacy.requests import request
from rapport.vendors.destination import Batch, Contact, Person

from ..activation.conftest import MARTS, Tool, World

STEPS = (
    "built", "pulled", "planned",
    "activation.intended", "activation.answered", "activation.recorded",
)  # fmt: skip

TABLES = (
    MARTS
    + """
create schema if not exists identity_build;
create table identity_build.int_identifiers_normalised
    (profile_key bigint, identifier_key bigint, excluded_key bigint);
insert into identity.rules (identifier_type, weight, cap, is_weak, is_marker)
values ('email', 1, 9, false, 'never') on conflict do nothing;
"""
)

BUILD = """
create temp table record on commit drop as
select
    'hubspot:contacts:' || record_key as profile_id, payload #>> '{properties,email}' as email,
    'c_' || split_part(payload #>> '{properties,email}', '@', 1) as customer_id,
    (payload #>> '{properties,consent}')::boolean as is_granted,
    (payload ->> 'version')::integer as score
from raw.hubspot__contacts where is_latest and not is_deleted;

insert into identity.profiles (profile_id) select profile_id from record on conflict do nothing;
truncate identity.members, identity_build.int_identifiers_normalised;
insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
select profile_id, customer_id, now(), profile_key, 1
from record inner join identity.profiles using (profile_id);
insert into identity.aliases
select customer_id, customer_id, now(), min(profile_id) from record group by 1
on conflict do nothing;
insert into identity.identifiers (identifier_type, normal_form)
select 'email', email from record on conflict do nothing;
insert into identity_build.int_identifiers_normalised
select profile_key, identifier_key, null
from record
inner join identity.profiles using (profile_id)
inner join identity.identifiers on normal_form = email;

delete from marts.dim_customers;
delete from marts_pii.dim_customer_contacts;
delete from marts.dim_consents;
delete from marts.people_of_readers;
insert into marts.dim_customers select distinct customer_id from record;
insert into marts_pii.dim_customer_contacts (customer_id, email)
select distinct customer_id, email from record;
insert into marts.dim_consents (customer_id, channel, purpose, is_granted)
select customer_id, 'email', 'marketing', bool_and(is_granted) from record group by 1;
insert into marts.people_of_readers select customer_id, max(score) from record group by 1
"""

EMPTY = """
select string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables
where (schemaname in ('identity', 'segments', 'activation', 'marts', 'marts_pii', 'privacy')
    or (schemaname, tablename) in (('raw', 'hubspot__contacts'), ('raw', 'watermarks'),
        ('raw', 'loads'), ('raw', 'rejected_records'), ('raw', 'writers')))
    and (schemaname, tablename) not in (('identity', 'state'), ('identity', 'rules'),
        ('privacy', 'salt'))
"""


class Crash(BaseException):
    """What a SIGKILL is to a process that goes on afterwards."""


class Remembering(Tool):
    """A tool that also forgets when it is asked to."""

    name = "files"

    def erase(self, person: Person) -> str | None:
        ids = {person.customer_id, *person.aliases}
        for people in self.lists.values():
            for key in [k for k, row in people.items() if k in ids or row["email"] == person.email]:
                del people[key]
        self.told = [one for one in self.told if one.external_id not in ids]
        return "deleted"


class House:
    """Nights over what has landed, with one list of everybody who says yes."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        (tables,) = connection.execute(EMPTY).fetchone()  # type: ignore[misc]
        connection.execute(f"truncate {tables} cascade")
        self.world = World(connection)
        self.tool = self.world.tool = Remembering()
        self.world.segment("readers", [])

    @property
    def connection(self) -> psycopg.Connection[Any]:
        return self.world.connection

    def night(
        self,
        judge: Callable[[str, Batch], None],
        *,
        crash_at: str | None,
        before_push: Callable[[], None],
    ) -> None:
        """Build, pull, plan, push; raises `Crash` where it was asked to, on the first passage."""
        original = faults.point

        def point(name: str) -> None:
            if name == crash_at:
                raise Crash

        self.tool.before_call = judge
        faults.point = point
        try:
            with self.connection.transaction():
                self.connection.execute(BUILD)
            point("built")
            self.world.pull()
            point("pulled")
            self.world.plan()
            point("planned")
            before_push()
            self.world.push()
        except Crash:
            self.world.reconnect()
            raise
        finally:
            faults.point = original

    def withdraw(self, customer: str) -> None:
        """A no that comes after the plan."""
        self.connection.execute(
            "update marts.dim_consents set is_granted = false where customer_id = %s", (customer,)
        )

    def unsubscribe(self, customer: str) -> None:
        """A no that the tool hears first."""
        self.tool.told.append(Contact(f"remote of {customer}", customer, says=("unsubscribed",)))

    def erase(self, email: str, at: datetime) -> None:
        asked = request(self.connection, "erase", email, at=at)
        erase(self.connection, asked, at=at, open_with=lambda *_: self.tool)

    def traces(self, texts: set[str]) -> set[str]:
        """Which of the texts stand in a row of any table, as a word of its own."""
        (tables,) = self.connection.execute(EMPTY).fetchone()  # type: ignore[misc]
        found: set[str] = set()
        for table in tables.split(", "):
            for (row,) in self.connection.execute(f"select t::text from {table} as t"):
                found |= {text for text in texts - found if text in row}
        return found

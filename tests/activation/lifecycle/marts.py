"""What a night's build publishes of the company, and what identity knows of it.

>>> publish(connection, company, as_of)  # doctest: +SKIP
"""

from datetime import datetime
from typing import Any

from .company import CHANNELS, PURPOSES, Company, Human
from .project import CONSENT_SOURCES

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
OFFERED = (
    "marts.dim_customers, marts_pii.dim_customer_contacts, marts.dim_consents,"
    " identity_build.int_identifiers_normalised, identity.members, identity.aliases"
)
# In no segment, so that one person's word is a small share of all.
CROWD = "insert into marts.dim_customers select 'crowd' || n from generate_series(1, 80) as n"
CONSENTS_OF_THE_CROWD = """
insert into marts.dim_consents
select 'crowd' || n, channel, purpose, true, %s, %s, '2026-01', concat_ws(' ', n, channel, purpose)
from generate_series(1, 80) as n, unnest(%s::text[]) as channel, unnest(%s::text[]) as purpose
"""
EARLIER = """
insert into identity.earlier_addresses (profile_key, customer_id, identifier_key)
select profile_key, %(customer)s, identifier_key
from identity.profiles cross join identity.identifiers
where profile_id = %(profile)s and normal_form = any(%(former)s)
on conflict do nothing
"""


def empty(connection: Any) -> None:
    """Forget the company of the example before."""
    (tables,) = connection.execute(EMPTY).fetchone()
    connection.execute(f"truncate {tables} cascade")
    connection.execute(TABLES)


def publish(connection: Any, company: Company, as_of: datetime) -> None:
    """Identity, customers, contacts and consents as of the night."""
    connection.execute(f"truncate {OFFERED}")
    for alias, customer in company.aliases.items():
        row = (alias, customer, as_of, f"hubspot:contacts:{alias}")
        connection.execute("insert into identity.aliases values (%s, %s, %s, %s)", row)
    for human in company.humans.values():
        _offer(connection, company, human, as_of)
    for customer in sorted(set(company.customer.values())):
        _customer(connection, company, customer)
    connection.execute(CROWD)
    if CONSENT_SOURCES[0] not in company.vanished:
        row = (as_of, CONSENT_SOURCES[0], list(CHANNELS), list(PURPOSES))
        connection.execute(CONSENTS_OF_THE_CROWD, row)


def _offer(connection: Any, company: Company, human: Human, as_of: datetime) -> None:
    """Two profiles: one with the first address and the phone, one with the other address."""
    customer = company.customer[human.name]
    for profile, kinds, values in (
        (f"hubspot:contacts:{human.name}", ["email", "phone"], [human.addresses[0], human.phone]),
        (f"typeform:responses:{human.name}", ["email"], [human.addresses[1]]),
    ):
        names = {"profile": profile, "kinds": kinds, "values": values, "customer": customer}
        excluded = list(company.excluded)
        connection.execute(OFFER, {**names, "as_of": as_of, "excluded": excluded})
    row = connection.execute("select to_regclass('identity.earlier_addresses')").fetchone()
    if row != (None,):
        names = {"profile": f"hubspot:contacts:{human.name}", "customer": customer}
        connection.execute(EARLIER, {**names, "former": human.former})


def _customer(connection: Any, company: Company, customer: str) -> None:
    human = company.humans[customer] if customer in company.humans else company.of(customer)[0]
    connection.execute("insert into marts.dim_customers (customer_id) values (%s)", (customer,))
    connection.execute(
        "insert into marts_pii.dim_customer_contacts values (%s, %s, %s, %s, null)",
        (customer, human.addresses[human.golden], human.phone, human.name.title()),
    )
    for key, word in company.words(customer).items():
        event = f"{word.source} {customer} {word.at}"
        connection.execute(
            "insert into marts.dim_consents values (%s, %s, %s, %s, %s, %s, '2026-01', %s)",
            (customer, *key, word.is_granted, word.at, word.source, event),
        )

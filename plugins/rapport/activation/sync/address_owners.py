"""Addressees: the customers whom a reported address belongs to.

An address belongs to every customer who ever offered it, not only to those whose contact has it
now. The temporary table `addressees` gets a row per reported address and customer; `is_golden` says
that the contact of the customer has this address. The normal forms that identity has are looked up,
and only other addresses are normalised here.

>>> find(connection, region="DE")  # doctest: +SKIP
"""

from typing import Any

import psycopg

from rapport.identity.normal_forms import LONGEST, normal_form
from rapport.identity.rules import Rules

CHUNK = 20_000
Connection = psycopg.Connection[Any]


def find(connection: Connection, *, region: str, rules: Rules | None = None) -> None:
    """Make `addressees` from the table `reports`, inside the caller's transaction.

    `region` is the ISO 3166 code of the country for phone numbers without a country code.
    """
    connection.execute(TABLES)
    connection.execute("analyze reported_address")
    connection.execute(KNOWN)
    connection.execute("analyze reported_form")
    _normalise_unseen(connection, region, rules)
    connection.execute("analyze reported_form")
    connection.execute(GOLDEN)
    row = connection.execute(
        "select to_regclass('identity_build.int_identifiers_normalised') is not null"
    ).fetchone()
    if row and row[0]:
        connection.execute(OFFERED)
    connection.execute(EARLIER)
    connection.execute("create index on addressees (address)")
    connection.execute("analyze addressees")


def _normalise_unseen(connection: Connection, region: str, rules: Rules | None) -> None:
    with connection.cursor("unseen_addresses") as unseen:
        unseen.execute(UNSEEN, [LONGEST])
        while rows := unseen.fetchmany(CHUNK):
            with connection.cursor().copy("copy reported_form from stdin") as copy:
                for kind, address in rows:
                    form = normal_form(kind, address, region if kind == "phone" else "", rules)
                    if form.value is not None:
                        copy.write_row((kind, address, form.value))


TABLES = """
drop table if exists pg_temp.reported_address, pg_temp.reported_form, pg_temp.addressees;
create temp table reported_address on commit drop as
select distinct offered.identifier_type, offered.address
from reports
cross join lateral (
    values ('email', reports.email), ('phone', reports.phone)
) as offered (identifier_type, address)
where offered.address is not null;
create temp table reported_form (identifier_type text, address text, normal_form text)
    on commit drop;
create temp table addressees (address text, customer_id text, is_golden boolean) on commit drop
"""

# The normal form of a normal form is itself.
KNOWN = """
insert into reported_form
select identifier_type, address, normal_form
from reported_address
inner join identity.identifiers
    using (identifier_type)
where identifiers.normal_form = lower(btrim(reported_address.address))
union
select identifier_type, address, normal_forms.normal_form
from reported_address
inner join identity.normal_forms using (identifier_type)
where
    normal_forms.raw_value = reported_address.address
    and normal_forms.normal_form is not null
    and identifier_type = 'email'
"""

UNSEEN = """
select identifier_type, address from reported_address
where length(address) <= %s and not exists (
    select from reported_form
    where reported_form.identifier_type = reported_address.identifier_type
        and reported_form.address = reported_address.address
)
"""

GOLDEN = """
insert into addressees
select reported_address.address, contact.customer_id, true
from reported_address
inner join marts_pii.dim_customer_contacts as contact
    on lower(contact.email) = lower(reported_address.address)
where reported_address.identifier_type = 'email'
union
select reported_form.address, contact.customer_id, true
from reported_form
inner join marts_pii.dim_customer_contacts as contact
    on lower(contact.email) = reported_form.normal_form
where reported_form.identifier_type = 'email'
union
select reported_address.address, contact.customer_id, true
from reported_address
inner join marts_pii.dim_customer_contacts as contact on contact.phone = reported_address.address
where reported_address.identifier_type = 'phone'
union
select reported_form.address, contact.customer_id, true
from reported_form
inner join marts_pii.dim_customer_contacts as contact on contact.phone = reported_form.normal_form
where reported_form.identifier_type = 'phone'
"""

OFFERED = """
insert into addressees
select distinct reported_form.address, members.customer_id, false
from reported_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity_build.int_identifiers_normalised as offered
    on identifiers.identifier_key = offered.identifier_key
inner join identity.members using (profile_key)
union
select reported_form.address, members.customer_id, false
from reported_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity_build.int_identifiers_normalised as offered
    on identifiers.identifier_key = offered.excluded_key
inner join identity.members using (profile_key)
"""

EARLIER = """
insert into addressees
select distinct reported_form.address, coalesce(aliases.customer_id, earlier.customer_id), false
from reported_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity.earlier_addresses as earlier using (identifier_key)
left join identity.aliases on aliases.alias_id = earlier.customer_id
"""

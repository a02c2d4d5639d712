"""Whose an address is that a tool names: every customer who ever offered it, not only as the best.

The table `told` has what the tool says; `addressees` gets a row for each of its addresses and
customer. What identity knows already is looked up; only other addresses are brought to their
normal form here.

>>> find(connection, region="DE")  # doctest: +SKIP
"""

from typing import Any

import psycopg

from rapport.identity.normal_forms import LONGEST, normal_form
from rapport.identity.rules import Rules

CHUNK = 20_000
Connection = psycopg.Connection[Any]


def find(connection: Connection, *, region: str, rules: Rules | None = None) -> None:
    """Fill `addressees` inside of the caller's transaction.

    `region` is the ISO 3166 code that a phone number without a country code is read in.
    """
    connection.execute(TABLES)
    connection.execute("analyze told_address")
    connection.execute(KNOWN)
    connection.execute("analyze told_form")
    _normalise_unseen(connection, region, rules)
    connection.execute("analyze told_form")
    connection.execute(GOLDEN)
    row = connection.execute(
        "select to_regclass('identity_build.int_identifiers_normalised') is not null"
    ).fetchone()
    if row and row[0]:
        connection.execute(OFFERED)
    connection.execute(EARLIER)
    connection.execute("create index on addressees (told)")
    connection.execute("analyze addressees")


def _normalise_unseen(connection: Connection, region: str, rules: Rules | None) -> None:
    with connection.cursor("unseen_addresses") as unseen:
        unseen.execute(UNSEEN, [LONGEST])
        while rows := unseen.fetchmany(CHUNK):
            with connection.cursor().copy("copy told_form from stdin") as copy:
                for kind, told in rows:
                    form = normal_form(kind, told, region if kind == "phone" else "", rules)
                    if form.value is not None:
                        copy.write_row((kind, told, form.value))


TABLES = """
drop table if exists pg_temp.told_address, pg_temp.told_form, pg_temp.addressees;
create temp table told_address on commit drop as
select distinct address.identifier_type, address.told
from told
cross join lateral (
    values ('email', told.email), ('phone', told.phone)
) as address (identifier_type, told)
where address.told is not null;
create temp table told_form (identifier_type text, told text, normal_form text) on commit drop;
create temp table addressees (told text, customer_id text, is_golden boolean) on commit drop
"""

# A normal form is its own normal form.
KNOWN = """
insert into told_form
select identifier_type, told, normal_form
from told_address
inner join identity.identifiers
    using (identifier_type)
where identifiers.normal_form = lower(btrim(told_address.told))
union
select identifier_type, told, normal_forms.normal_form
from told_address
inner join identity.normal_forms using (identifier_type)
where
    normal_forms.raw_value = told_address.told
    and normal_forms.normal_form is not null
    and identifier_type = 'email'
"""

UNSEEN = """
select identifier_type, told from told_address
where length(told) <= %s and not exists (
    select from told_form
    where told_form.identifier_type = told_address.identifier_type
        and told_form.told = told_address.told
)
"""

GOLDEN = """
insert into addressees
select told_address.told, contact.customer_id, true
from told_address
inner join marts_pii.dim_customer_contacts as contact
    on lower(contact.email) = lower(told_address.told)
where told_address.identifier_type = 'email'
union
select told_form.told, contact.customer_id, true
from told_form
inner join marts_pii.dim_customer_contacts as contact
    on lower(contact.email) = told_form.normal_form
where told_form.identifier_type = 'email'
union
select told_address.told, contact.customer_id, true
from told_address
inner join marts_pii.dim_customer_contacts as contact on contact.phone = told_address.told
where told_address.identifier_type = 'phone'
union
select told_form.told, contact.customer_id, true
from told_form
inner join marts_pii.dim_customer_contacts as contact on contact.phone = told_form.normal_form
where told_form.identifier_type = 'phone'
"""

OFFERED = """
insert into addressees
select distinct told_form.told, members.customer_id, false
from told_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity_build.int_identifiers_normalised as offered
    on identifiers.identifier_key = offered.identifier_key
inner join identity.members using (profile_key)
union
select told_form.told, members.customer_id, false
from told_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity_build.int_identifiers_normalised as offered
    on identifiers.identifier_key = offered.excluded_key
inner join identity.members using (profile_key)
"""

EARLIER = """
insert into addressees
select distinct told_form.told, coalesce(aliases.customer_id, earlier.customer_id), false
from told_form
inner join identity.identifiers using (identifier_type, normal_form)
inner join identity.earlier_addresses as earlier using (identifier_key)
left join identity.aliases on aliases.alias_id = earlier.customer_id
"""

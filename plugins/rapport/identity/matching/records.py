"""The records that matching compares: normalised names, numbers and other fields.

>>> fields("Obermeier, Sven", None, None, "obermeier.10.home@example.net")
Fields(given='sven', surname='obermeier', number='10')
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from rapport.identity.normal_forms import name_form
from rapport.identity.rules import Matching

CHUNK = 20_000
LONGEST = 200


class Fields(NamedTuple):
    """The fields that are derived from a record's name and e-mail address; None if empty."""

    given: str | None
    surname: str | None
    number: str | None


def fields(full: str | None, first: str | None, last: str | None, email: str | None) -> Fields:
    """The given name, the surname, and the longest number in the local part of the address.

    Many people use the same number in each of their addresses.
    """
    if full and "," in full and not (first and last):
        last, _, first = (part.strip() for part in full.partition(","))
    if first and last:
        given, surname = name_form(first[:LONGEST]), name_form(last[:LONGEST])
    else:
        words = name_form((full or "")[:LONGEST]).split()
        given, surname = (words[0], words[-1]) if len(words) > 1 else ("", "")
    digits = re.findall(r"[0-9]+", (email or "").partition("@")[0][:LONGEST])
    # Of equally long numbers the last is used: in "2.anna.7", the 2 belongs to the mailbox.
    number = max(enumerate(digits), key=lambda item: (len(item[1]), item[0]), default=(0, None))[1]
    return Fields(given or None, surname or None, number)


def refresh(warehouse: psycopg.Connection[Any], options: Matching) -> int:
    """Update `identity.match_records`; returns how many records were added.

    Leaves the changed records in the temporary table `match_changed`.
    """
    warehouse.execute(CHANGED)
    warehouse.execute("analyze match_changed")
    warehouse.execute(REMOVE_KEYS)
    warehouse.execute(REMOVE_RECORDS)
    warehouse.execute(
        "create temporary table match_named (profile_key bigint, given text, surname text,"
        " number text) on commit drop"
    )
    for rows in _chunks(warehouse):
        with warehouse.cursor().copy("copy match_named from stdin") as copy:
            for key, *raw in rows:
                copy.write_row((key, *fields(*raw)))
    warehouse.execute("analyze match_named")
    return warehouse.execute(ADD_RECORDS).rowcount


def add_keys(warehouse: psycopg.Connection[Any], only: str) -> None:
    """Give records the blocking keys by which candidates are found, without the common ones.

    `only` is the SQL condition of the records, `EVERYBODY` or `CHANGED_ONLY`.
    """
    warehouse.execute(KEYS.format(offered=OFFERED, only=only).encode())
    warehouse.execute(ADD_KEYS.format(only=only).encode())


def _chunks(warehouse: psycopg.Connection[Any]) -> Iterator[list[tuple[Any, ...]]]:
    with warehouse.cursor("match_names") as names:
        names.execute(NAMES)
        while rows := names.fetchmany(CHUNK):
            yield rows


CHANGED = """
create temporary table match_changed on commit drop as
with contacts as (
    select
        profiles.profile_key,
        hashtextextended(
            jsonb_build_array(
                contacts.full_name, contacts.first_name, contacts.last_name, contacts.email,
                contacts.phone, contacts.user_id, contacts.country, contacts.city,
                contacts.company_name, state.rules_hash
            )::text, 0
        ) as fingerprint
    from intermediate.int_contacts_unioned as contacts
    inner join identity.profiles on profiles.profile_id = contacts.profile_id
    cross join identity.state
    where coalesce(contacts.full_name, contacts.last_name) is not null
)

select profile_key, contacts.fingerprint
from contacts
full join identity.match_records as known using (profile_key)
where contacts.fingerprint is distinct from known.fingerprint
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

NAMES = """
select
    match_changed.profile_key, contacts.full_name, contacts.first_name, contacts.last_name,
    contacts.email
from match_changed
inner join identity.profiles using (profile_key)
inner join intermediate.int_contacts_unioned as contacts
    on contacts.profile_id = profiles.profile_id
where match_changed.fingerprint is not null
"""

ADD_RECORDS = """
with identifiers as (
    select
        offered.profile_key,
        array_agg(distinct offered.identifier_key order by offered.identifier_key)
            filter (where offered.identifier_type = 'email') as emails,
        array_agg(distinct offered.identifier_key order by offered.identifier_key)
            filter (where rules.is_account) as accounts,
        min(offered.identifier_key) filter (where offered.identifier_type = 'phone') as phone
    from match_named
    inner join identity_build.int_identifiers_normalised as offered using (profile_key)
    inner join identity.rules using (identifier_type)
    where
        offered.identifier_key is not null
        and (offered.identifier_type in ('email', 'phone') or rules.is_account)
    group by offered.profile_key
)

insert into identity.match_records
select
    named.profile_key,
    match_changed.fingerprint,
    named.given,
    named.surname,
    named.number,
    phones.normal_form,
    contacts.country,
    lower(contacts.city),
    lower(contacts.company_name),
    coalesce(identifiers.emails, '{}'),
    coalesce(identifiers.accounts, '{}'),
    '{}'
from match_named as named
inner join match_changed using (profile_key)
inner join identity.profiles using (profile_key)
inner join intermediate.int_contacts_unioned as contacts
    on contacts.profile_id = profiles.profile_id
left join identifiers using (profile_key)
left join identity.identifiers as phones on phones.identifier_key = identifiers.phone
"""

EVERYBODY = "true"
CHANGED_ONLY = "records.profile_key in (select profile_key from match_changed)"

# A name alone finds candidates only if it is rare. A common name needs a second value.
OFFERED = """
cross join lateral (
    values
    ('name', given || ' ' || surname),
    ('number', number || ' ' || left(surname, 1)),
    ('phone', phone),
    ('city', given || ' ' || surname || ' ' || city),
    ('company', given || ' ' || surname || ' ' || company)
) as offered (field, value)
"""

COMMON_KEYS = f"""
insert into identity.match_frequencies
select 'key ' || offered.field, offered.value, count(*)
from identity.match_records as records
{OFFERED}
where offered.value is not null
group by 1, 2
having count(*) > %s
"""  # noqa: S608 - our own text

KEYS = """
with rare as (
    select
        records.profile_key,
        array_agg(distinct hashtextextended(offered.field || ' ' || offered.value, 0)) as keys
    from identity.match_records as records
    {offered}
    left join identity.match_frequencies as common
        on common.field = 'key ' || offered.field and common.value = offered.value
    where offered.value is not null and common.value is null and {only}
    group by records.profile_key
)

update identity.match_records as records set keys = rare.keys
from rare
where records.profile_key = rare.profile_key
"""

ADD_KEYS = """
insert into identity.match_keys
select unnest(records.keys), records.profile_key
from identity.match_records as records
where {only}
"""

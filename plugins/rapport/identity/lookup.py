"""Looks up customer ids by an id or by the normal form of an identifier.

>>> forms = {"email": "mara@example.com", "phone": None, "other": None}
>>> by_form(connection, forms)  # doctest: +SKIP
['c_0a1b2c3d4e5f60718293']
"""

from collections.abc import Mapping
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


def by_id(connection: Connection, text: str) -> list[str]:
    """The customer of a current or former customer id, or of a record's id."""
    return [row[0] for row in connection.execute(BY_ID, {"id": text})]


def by_form(
    connection: Connection, forms: Mapping[str, str | None], *, and_similar: bool = False
) -> list[str]:
    """The customers who have one of the normal forms, given by type: `email`, `phone`, `other`.

    With `and_similar`, identifiers that resolution ignores count too, such as a role mailbox, and
    so do the extensions of a main phone number.
    """
    keys = [row[0] for row in connection.execute(KEYS, forms)]
    if and_similar and forms["phone"]:
        keys += [row[0] for row in connection.execute(EXTENSION_KEYS, forms)]
    if not keys:
        return []
    for statement in (BY_KEY, BY_EXCLUDED_KEY) if and_similar else (BY_KEY,):
        found = [row[0] for row in connection.execute(statement, {"keys": keys})]
        if found:
            return found
    return []


BY_ID = """
select customer_id from identity.aliases where alias_id = %(id)s
union
select members.customer_id
from identity.profiles
inner join identity.members using (profile_key)
where profiles.profile_id = %(id)s
"""

KEYS = """
with wanted as (
    select
        identifier_type,
        case identifier_type
            when 'email' then %(email)s::text
            when 'phone' then %(phone)s::text
            else %(other)s::text
        end as normal_form
    from identity.rules
)

select identifiers.identifier_key
from wanted
inner join identity.identifiers using (identifier_type, normal_form)
"""

EXTENSION_KEYS = """
select identifier_key
from identity.identifiers
where
    identifier_type = 'phone'
    and normal_form > %(phone)s || ';ext=' collate "C"
    and normal_form < %(phone)s || ';ext>' collate "C"
"""

BY_KEY = """
select distinct members.customer_id
from identity_build.int_identifiers_normalised as offered
inner join identity.members using (profile_key)
where offered.identifier_key = any(%(keys)s)
"""

BY_EXCLUDED_KEY = """
select distinct members.customer_id
from identity_build.int_identifiers_normalised as offered
inner join identity.members using (profile_key)
where offered.excluded_key = any(%(keys)s)
"""

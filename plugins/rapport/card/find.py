"""From what a person types to customers: an id of any age, a record's id, an e-mail, a phone.

>>> find(connection, "030 901820", region="DE")  # doctest: +SKIP
['c_0a1b2c3d4e5f60718293']
"""

from typing import Any

import psycopg

from rapport.errors import ConfigError
from rapport.identity.normal_forms import LONGEST, normal_form
from rapport.identity.rules import Rules

Connection = psycopg.Connection[Any]

NOBODY = (
    "card: nobody has that id, e-mail address or phone number. A customer id looks like c_ and 20 "
    "digits, a record's id like hubspot:contacts:42; a phone number needs its country code where "
    "it is not from {region}."
)
UNPUBLISHED = (
    "card: known to identity, but in no published mart: new since the last published night, or "
    "deleted at the source. `rapport status` says how the last night went."
)


def find(
    connection: Connection,
    who: str,
    *,
    region: str,
    rules: Rules | None = None,
    by_contact: bool = True,
) -> list[str]:
    """The published customers that `who` may mean, in order of their ids.

    An id means one customer; an e-mail or a phone that several people use means each of them.
    Without `by_contact` only ids lead to somebody, so that nobody learns whose address it is.
    `region` is the ISO 3166 code in which a phone number without a country code is read.
    Raises `ConfigError` where it means nobody.
    """
    text = who.replace("\x00", "").strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(NOBODY.format(region=region))
    row = connection.execute(PUBLISHED, {"ids": [text]}).fetchone()
    if row is not None:
        return [row[0]]
    if not by_contact and "@" in text:
        raise ConfigError(NOBODY.format(region=region))
    known = _by_id(connection, text) or _by_identifier(
        connection, text, region, rules, by_contact=by_contact
    )
    if not known:
        raise ConfigError(NOBODY.format(region=region))
    published = connection.execute(CURRENT, {"ids": known}).fetchall()
    if not published:
        raise ConfigError(UNPUBLISHED)
    return [customer_id for (customer_id,) in published]


def _by_id(connection: Connection, text: str) -> list[str]:
    return [row[0] for row in connection.execute(BY_ID, {"id": text})]


def _by_identifier(
    connection: Connection, text: str, region: str, rules: Rules | None, *, by_contact: bool
) -> list[str]:
    wanted = {
        "email": normal_form("email", text, rules=rules).value if by_contact else None,
        "phone": normal_form("phone", text, region, rules).value if by_contact else None,
        "other": normal_form("other", text).value,
    }
    keys = [row[0] for row in connection.execute(KEYS, wanted)]
    if not keys:
        return []
    for statement in (BY_IDENTIFIER, BY_EXCLUDED_IDENTIFIER):
        found = [row[0] for row in connection.execute(statement, {"keys": keys})]
        if found:
            return found
    return []


PUBLISHED = "select customer_id from marts.dim_customers where customer_id = any(%(ids)s)"

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

BY_IDENTIFIER = """
select distinct members.customer_id
from identity_build.int_identifiers_normalised as offered
inner join identity.members using (profile_key)
where offered.identifier_key = any(%(keys)s)
"""

# A role address or a placeholder joins nobody, but whoever gave it can be found by it.
BY_EXCLUDED_IDENTIFIER = """
select distinct members.customer_id
from identity_build.int_identifiers_normalised as offered
inner join identity.members using (profile_key)
where offered.excluded_key = any(%(keys)s)
"""

# The marts may still say last night's id of somebody whom identity has merged since.
CURRENT = """
select customer_id from marts.dim_customers
where customer_id = any(%(ids)s)
union
select customers.customer_id
from unnest(%(ids)s::text[]) as known (customer_id)
inner join identity.aliases on aliases.customer_id = known.customer_id
inner join marts.dim_customers as customers on aliases.alias_id = customers.customer_id
order by 1
"""

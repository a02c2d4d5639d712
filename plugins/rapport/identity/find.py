"""Finds customers by what somebody types: a customer id, record id, e-mail address or phone number.

>>> find(connection, "030 901820", region="DE")  # doctest: +SKIP
['c_0a1b2c3d4e5f60718293']
"""

from typing import Any

import psycopg

from rapport.errors import ConfigError
from rapport.identity import lookup
from rapport.identity.contact_keys import is_contact
from rapport.identity.normal_forms import LONGEST, normal_form
from rapport.identity.rules import Rules

Connection = psycopg.Connection[Any]

NOT_FOUND = (
    "card: no customer has that id, e-mail address or phone number. A customer id looks like c_ "
    "and 20 digits, a record's id like crm:contacts:42. A phone number from outside {region} "
    "needs its country code."
)
NOT_PUBLISHED = (
    "card: the customer exists but is not in the published marts. They are new since the last "
    "published run, or were deleted at the source. Run `rapport status` to see the last run."
)


def find(
    connection: Connection,
    who: str,
    *,
    region: str,
    rules: Rules | None = None,
    by_contact: bool = True,
) -> list[str]:
    """The ids of the published customers that `who` stands for, sorted.

    An id stands for one customer. An e-mail address or phone number stands for every customer who
    uses it. With `by_contact=False` only ids are accepted, except ids that are a contact detail, so
    that nobody learns whose address it is. `region` is the ISO 3166 code for phone numbers without
    a country code. Raises `ConfigError` if nobody is found.
    """
    text = who.replace("\x00", "").strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(NOT_FOUND.format(region=region))
    row = connection.execute(PUBLISHED, {"ids": [text]}).fetchone()
    if row is not None:
        return [row[0]]
    if not by_contact and is_contact(text):
        raise ConfigError(NOT_FOUND.format(region=region))
    forms = {
        "email": normal_form("email", text, rules=rules).value if by_contact else None,
        "phone": normal_form("phone", text, region, rules).value if by_contact else None,
        "other": normal_form("other", text).value,
    }
    known = lookup.by_id(connection, text) or lookup.by_form(connection, forms, and_similar=True)
    if not known:
        raise ConfigError(NOT_FOUND.format(region=region))
    published = connection.execute(CURRENT, {"ids": known}).fetchall()
    if not published:
        raise ConfigError(NOT_PUBLISHED)
    return [customer_id for (customer_id,) in published]


PUBLISHED = "select customer_id from marts.dim_customers where customer_id = any(%(ids)s)"

# The marts may still have the old id of a customer that identity has merged since. The condition
# on `aliases` matches the index of former ids, and the collation is that of the marts' index.
CURRENT = """
with known as (select unnest(%(ids)s::text[]) as customer_id),

former as (
    select aliases.alias_id collate "default" as customer_id
    from known
    inner join identity.aliases using (customer_id)
    where aliases.alias_id <> aliases.customer_id
)

select customer_id from marts.dim_customers
where
    customer_id = any(%(ids)s)
    or customer_id = any(array(select customer_id from former))
order by 1
"""

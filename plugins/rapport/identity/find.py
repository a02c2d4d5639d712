"""From what a person types to customers: an id of any age, a record's id, an e-mail, a phone.

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

NOBODY = (
    "card: nobody has that id, e-mail address or phone number. A customer id looks like c_ and 20 "
    "digits, a record's id like crm:contacts:42; a phone number needs its country code where "
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
    Without `by_contact` only ids lead to somebody, and none that is an address or a number, so that
    nobody learns whose it is.
    `region` is the ISO 3166 code in which a phone number without a country code is read.
    Raises `ConfigError` where it means nobody.
    """
    text = who.replace("\x00", "").strip()
    if not text or len(text) > LONGEST:
        raise ConfigError(NOBODY.format(region=region))
    row = connection.execute(PUBLISHED, {"ids": [text]}).fetchone()
    if row is not None:
        return [row[0]]
    if not by_contact and is_contact(text):
        raise ConfigError(NOBODY.format(region=region))
    forms = {
        "email": normal_form("email", text, rules=rules).value if by_contact else None,
        "phone": normal_form("phone", text, region, rules).value if by_contact else None,
        "other": normal_form("other", text).value,
    }
    known = lookup.by_id(connection, text) or lookup.by_form(connection, forms, and_excluded=True)
    if not known:
        raise ConfigError(NOBODY.format(region=region))
    published = connection.execute(CURRENT, {"ids": known}).fetchall()
    if not published:
        raise ConfigError(UNPUBLISHED)
    return [customer_id for (customer_id,) in published]


PUBLISHED = "select customer_id from marts.dim_customers where customer_id = any(%(ids)s)"

# The marts may still say last night's id of somebody whom identity has merged since. The condition
# is that of the index of former ids; without the collation of the marts theirs is of no use.
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

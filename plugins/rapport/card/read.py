"""Reads the card of one customer from the published marts, in one transaction.

>>> look_up(connection, "u_0000123", load_settings()).card.who.country  # doctest: +SKIP
'DE'
"""

from collections.abc import Callable
from datetime import datetime

import psycopg

from rapport.card.activity import doing
from rapport.card.data_age import Freshness, entities_of, read_freshness
from rapport.card.history import did
from rapport.card.models import Answer, Card, GoldenValue, Match, Who
from rapport.card.predictions import next_of
from rapport.card.relationship import consent, identity, segments
from rapport.card.rows import Connection, one, rows
from rapport.errors import ConfigError
from rapport.identity.find import find
from rapport.identity.rules import load_rules
from rapport.settings import Settings

CONTACT = (
    "full_name", "first_name", "last_name", "email", "phone", "user_id", "birth_date", "street",
    "postal_code", "region",
)  # fmt: skip
MATCHES = 20


def look_up(
    connection: Connection, who: str, settings: Settings, *, with_contact: bool = True
) -> Answer:
    """Find the customers that `who` stands for, and read the card if it is exactly one.

    `who` is an id, an e-mail address or a phone number. Without contact details, nothing is read
    from `marts_pii`: no names, addresses or free text. Raises `ConfigError` if nobody is found or
    nothing is published yet.
    """
    try:
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            return _look_up(connection, who, settings, with_contact=with_contact)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise ConfigError(
            "card: the marts are not published, or an older version published them. Run `rapport "
            "run` first."
        ) from None
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigError(
            "card: this role cannot read all tables of the card. Contact details are in the schema "
            "marts_pii. Use --no-contact to leave them out."
        ) from None


def _look_up(connection: Connection, who: str, settings: Settings, *, with_contact: bool) -> Answer:
    as_of = published_as_of(connection)
    rules = load_rules(settings.identity)
    found = find(connection, who, region=settings.company.default_region, rules=rules)
    matches = matches_of(connection, found[:MATCHES], with_contact=with_contact)
    if len(found) > 1:
        return Answer(total=len(found), matches=matches, card=None)
    freshness = read_freshness(connection, entities_of(settings))
    card = card_of(connection, found[0], as_of, freshness, with_contact=with_contact)
    return Answer(total=1, matches=matches, card=card)


def published_as_of(connection: Connection) -> datetime:
    """The time of the published run (UTC); raises `ConfigError` if nothing is published."""
    row = connection.execute("select max(as_of) from marts.data_status").fetchone()
    if row is None or row[0] is None:
        raise ConfigError("card: no run is published yet. Run `rapport run` first.")
    as_of: datetime = row[0]
    return as_of


def matches_of(
    connection: Connection, customer_ids: list[str], *, with_contact: bool
) -> list[Match]:
    """A summary of each of these published customers, sorted by id."""
    query = MATCHED if with_contact else MATCHED_WITHOUT_NAMES
    return rows(connection, Match, query, {"ids": customer_ids})


def card_of(
    connection: Connection,
    customer_id: str,
    as_of: datetime,
    freshness: Freshness,
    *,
    with_contact: bool,
    take_role: Callable[[], None] = lambda: None,
) -> Card:
    """Read the card of a published customer, in the caller's transaction.

    `take_role` is called after the tables of runs and identity are read, which hold no contact
    details, and before all other tables. From then on, the reader's own role decides what is read.
    """
    behind = one(connection, UNPUBLISHED_RUNS, {"as_of": as_of})
    known_as = identity(connection, customer_id, freshness, with_contact=with_contact)
    take_role()
    return Card(
        customer_id=customer_id,
        as_of=as_of,
        **behind,
        who=_who(connection, customer_id, freshness, with_contact=with_contact),
        did=did(connection, customer_id, freshness, with_contact=with_contact),
        doing=doing(connection, customer_id, as_of, freshness),
        next=next_of(connection, customer_id),
        consent=consent(connection, [customer_id, *known_as.former_ids], freshness),
        segments=segments(connection, customer_id, as_of),
        identity=known_as,
    )


def _who(
    connection: Connection, customer_id: str, freshness: Freshness, *, with_contact: bool
) -> Who:
    values = {"id": customer_id}
    known = one(connection, CUSTOMER, values)
    contacts = one(connection, CONTACTS, values) if with_contact else {}
    return Who(
        **freshness.of_sources(known.pop("known_by")),
        **known,
        contact=[
            GoldenValue(
                name=name,
                value=str(contacts[name]),
                source=contacts[f"{name}_source"],
                as_of=contacts[f"{name}_as_of"],
            )
            for name in CONTACT
            if contacts.get(name)
        ],
    )


CUSTOMER = """
select
    sources as known_by, country, city, language, company_name, job_title, lifecycle_stage, plan,
    subscription_status, first_seen_at, last_seen_at
from marts.dim_customers
where customer_id = %(id)s
"""

CONTACTS = "select * from marts_pii.dim_customer_contacts where customer_id = %(id)s"

MATCHED = """
select customer_id, full_name, country, sources, last_seen_at
from marts.dim_customers
left join marts_pii.dim_customer_contacts using (customer_id)
where customer_id = any(%(ids)s)
order by customer_id
"""

MATCHED_WITHOUT_NAMES = """
select customer_id, null as full_name, country, sources, last_seen_at
from marts.dim_customers
where customer_id = any(%(ids)s)
order by customer_id
"""

UNPUBLISHED_RUNS = """
select count(distinct as_of) as nights_behind
from ops.nights
where as_of > %(as_of)s and status in ('failed', 'abandoned')
"""

"""The people of a batch and of a whole list, with the contact details that the channel needs.

>>> person({"customer_id": "c_1", "phone": "+4930", ...}, "email").phone is None  # doctest: +SKIP
True
"""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.activation.lists import List
from rapport.identity.phone_forms import can_get_messages
from rapport.vendors.destination import Person

_EVERYBODY = """
select ledger.customer_id, ledger.remote_id, contact.email, contact.phone,
    contact.full_name, contact.user_id, member.traits
from activation.ledger
left join marts_pii.dim_customer_contacts as contact using (customer_id)
left join segments.membership as member
    on member.segment = ledger.segment and member.customer_id = ledger.customer_id
    and member.left_at is null
where ledger.destination = %(destination)s and ledger.segment = %(segment)s
    and ledger.state = 'sent'
order by ledger.customer_id
"""


def person(row: Mapping[str, Any], channel: str) -> Person:
    """The person of a row: a phone number leaves the warehouse for sms only, a user id for push.

    A number with an extension never leaves it.

    The row has customer_id, remote_id, email, phone, full_name, user_id and traits; the rows of a
    batch also have op, aliases and former_traits.
    """
    phone = row["phone"]
    return Person(
        customer_id=row["customer_id"],
        remote_id=row["remote_id"],
        email=row["email"],
        phone=phone if channel == "sms" and phone and can_get_messages(phone) else None,
        full_name=row["full_name"],
        user_id=row["user_id"] if channel == "push" else None,
        aliases=tuple(row.get("aliases", ())),
        is_listed=row.get("op") == "update",
        traits={**(row.get("former_traits") or {}), **(row["traits"] or {})},
    )


def everybody(connection: psycopg.Connection, target: List) -> Iterator[Person]:
    """Everybody on the list, by customer_id; 5,000 rows at a time are in memory."""
    with connection.transaction(), connection.cursor("everybody", row_factory=dict_row) as cursor:
        # The list may have grown since the last statistics.
        connection.execute("set local enable_nestloop = off")
        cursor.itersize = 5000
        cursor.execute(_EVERYBODY, target.names)
        for row in cursor:
            yield person(row, target.segment.channel)

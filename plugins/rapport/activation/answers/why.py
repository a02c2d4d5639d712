"""Why a customer is or is not in a segment and on its lists: each condition with its value.

>>> explain(connection, segment, "c_1", as_of)  # doctest: +SKIP
{"is_member": True, "conditions": [{"name": "has_open_ticket", "holds": True}], ...}
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.reading import Reader
from rapport.activation.segments.rendering import (
    asked_of,
    conditions_of,
    published_schemas,
    render,
    source_of,
)
from rapport.errors import ConfigError
from rapport.identity.find import find
from rapport.settings import load_settings


def resolve(connection: psycopg.Connection, who: str) -> str:
    """The customer with this id, former id, e-mail address or phone number.

    A phone number without a country code is read in the country of the company. Raises
    `ConfigError` where nobody has it, or several people have.
    """
    found = find(connection, who, region=load_settings().company.default_region)
    if len(found) > 1:
        raise ConfigError(f"several people have that: ask for one of {', '.join(found)}.")
    return found[0]


def explain(
    connection: psycopg.Connection, segment: Segment, customer_id: str, as_of: datetime
) -> dict[str, Any]:
    """The conditions by the current marts, the membership, and the state of each list."""
    rendered = render(source_of(segment), as_of, published_schemas())
    with Reader(as_of) as reader:
        answer = reader.ask(
            sql.SQL("select * from (\n{}\n) as candidates where customer_id = {}").format(
                sql.SQL(conditions_of(rendered)), customer_id
            )
        )
        names = [column.name for column in answer.description or ()]
        rows = answer.fetchall()
    candidate = dict(zip(names, rows[0], strict=True)) if rows else {}
    conditions = []
    for name in asked_of(rendered):
        value = candidate.get(name.removeprefix("not "))
        holds = None if value is None else (not value if name.startswith("not ") else bool(value))
        conditions.append({"name": name, "holds": holds})
    values = {
        key: value
        for key, value in candidate.items()
        if not key.startswith(("is_", "has_")) and key != "customer_id"
    }
    return {
        "segment": segment.key,
        "customer_id": customer_id,
        "is_candidate": bool(rows),
        "conditions": conditions,
        "values": values,
        **_membership(connection, segment.key, customer_id),
        "lists": [
            _list(connection, destination, segment.key, customer_id)
            for destination in segment.destinations
        ],
    }


def _membership(connection: psycopg.Connection, segment: str, customer_id: str) -> dict[str, Any]:
    stays = connection.execute(
        "select entered_at, left_at, arm from segments.membership"
        " where segment = %s and customer_id = %s order by entered_at",
        (segment, customer_id),
    ).fetchall()
    is_member = bool(stays) and stays[-1][1] is None
    return {
        "is_member": is_member,
        "arm": stays[-1][2] if is_member else None,
        "stays": [{"entered_at": entered, "left_at": left} for entered, left, _ in stays],
    }


def _list(
    connection: psycopg.Connection, destination: str, segment: str, customer_id: str
) -> dict[str, Any]:
    names = (destination, segment, customer_id)
    where = "where destination = %s and segment = %s and customer_id = %s"
    ledger = connection.execute(
        f"select state, last_sent_at from activation.ledger {where}",  # noqa: S608, a constant
        names,
    ).fetchone()
    reason = connection.execute(
        f"select reason, since from activation.not_sent {where}",  # noqa: S608, a constant
        names,
    ).fetchone()
    refused = connection.execute(
        f"select op, reason, first_at, last_at from activation.rejected {where}",  # noqa: S608, a constant
        names,
    ).fetchone()
    return {
        "destination": destination,
        "is_on_list": bool(ledger and ledger[0] == "sent"),
        "last_sent_at": ledger[1] if ledger else None,
        "not_sent_because": reason[0] if reason else None,
        "since": reason[1] if reason else None,
        "refused": refused[0] if refused else None,
        "refused_because": refused[1] if refused else None,
        "refused_since": refused[2] if refused else None,
        "refused_last": refused[3] if refused else None,
    }

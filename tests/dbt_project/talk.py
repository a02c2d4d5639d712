"""What the crowd said in its tickets and did with its letters, landed beside everything else.

>>> land_the_talk(connection)  # doctest: +SKIP
"""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from .crowd import AGENT
from .landed import NIGHT, Connection, land

# A text, the language that it is in where that can be told, how it feels where that can be told,
# and whether it asks for something: as a person reads it.
COMMENTS = (
    ("The support was quick, friendly and really helpful.", "en", "positive", False),
    ("Please add PayPal, I would love to pay with it.", "en", "positive", True),
    ("Terrible, the grinder broke twice and nobody cares.", "en", "negative", False),
    ("I hate waiting, this is awful and a waste of money.", "en", "negative", False),
    ("The parcel arrived on Tuesday afternoon at the office.", "en", None, False),
    ("Drei Wochen gewartet, und niemand antwortet mir.", "de", None, False),
    ("ok", None, None, False),
)
# As SendGrid's export names what happens to a message, and what it is here.
EVENTS = {
    "processed": None, "delivered": "delivered", "open": "opened", "click": "clicked",
    "bounce": "bounced", "dropped": "bounced", "spamreport": "complained",
    "unsubscribe": "unsubscribed", "group_unsubscribe": "unsubscribed",
}  # fmt: skip


def land_the_talk(connection: Connection) -> None:
    """All of it, as the crowd's night."""
    random = np.random.default_rng(12)
    tickets = connection.execute(
        "select payload from raw.zendesk__tickets order by record_key::integer"
    ).fetchall()
    land(connection, "zendesk__ticket_events", _parts(random, [row[0] for row in tickets]), NIGHT)
    land(connection, "files__newsletter_events", _letters(random), NIGHT)


def _parts(random: np.random.Generator, tickets: list[dict[str, Any]]) -> dict[str, Any]:
    """Up to six comments a ticket by either side, some internal, some later than the night."""
    found: dict[str, Any] = {}
    for ticket in tickets[:200]:
        at = pd.Timestamp(ticket["created_at"])
        for _ in range(int(random.integers(1, 7))):
            at += pd.Timedelta(seconds=int(random.integers(60, 2 * 86400)))
            key = str(10_000 + len(found))
            author = ticket["requester_id"] if random.random() < 0.6 else AGENT
            text = COMMENTS[int(random.integers(len(COMMENTS)))][0]
            comment = {"id": f"c{key}", "event_type": "Comment", "author_id": author,
                       "public": bool(random.random() < 0.85), "body": text}  # fmt: skip
            change = {"id": f"x{key}", "event_type": "Change", "status": "open"}
            found[key] = {"id": int(key), "ticket_id": ticket["id"], "created_at": at.isoformat(),
                          "child_events": [change, comment]}  # fmt: skip
    return found


def _letters(random: np.random.Generator) -> dict[str, Any]:
    """Messages of three campaigns with whatever happened to them, some of it twice."""
    found: dict[str, Any] = {}
    for number in range(400):
        begin = NIGHT - timedelta(seconds=int(random.integers(-86400, 60 * 86400)))
        whose = {"customer_id": f"u_{int(random.integers(0, 120))}", "message_id": f"m{number}"}
        campaign = str(random.choice(["spring", "summer", ""]))
        for event in random.choice(list(EVENTS), int(random.integers(1, 5))):
            key = f"l{len(found)}"
            at = begin + timedelta(seconds=int(random.integers(0, 40 * 3600)))
            found[key] = {**whose, "event_id": key, "campaign": campaign, "event": str(event),
                          "occurred_at": at.isoformat()}  # fmt: skip
    return found

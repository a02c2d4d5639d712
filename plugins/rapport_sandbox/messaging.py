"""Events in the invented messaging tool: people who unsubscribe there during the day.

>>> _draw(7, 2, "abc") == _draw(7, 2, "abc")
True
"""

import hashlib
import sqlite3

from rapport_sandbox.clock import DAY, SECOND
from rapport_sandbox.store import as_text

STANDARD = (
    ("name", "string"), ("email", "string"), ("phone", "string"), ("external_id", "string"),
    ("role", "string"), ("created_at", "date"), ("updated_at", "date"), ("last_seen_at", "date"),
    ("unsubscribed_from_emails", "boolean"),
)  # fmt: skip
LEAVING_SHARE = 0.02


def add_standard_attributes(database: sqlite3.Connection) -> None:
    for name, kind in STANDARD:
        body = {"label": name, "description": "", "custom": False, "api_writable": True}
        database.execute(
            "insert into intercom_attributes (name, model, data_type, body) values (?, ?, ?, ?)",
            (name, "contact", kind, as_text(body)),
        )


def unsubscribe_some(database: sqlite3.Connection, seed: int, night: int, since: int) -> int:
    """Unsubscribe 2 % of the remaining contacts at random times of the day; returns how many.

    The choice depends on the contact's id only, and not on the order in which contacts were added.
    """
    leavers = []
    for (id,) in database.execute("select id from intercom_contacts where is_out = 0"):
        draw = _draw(seed, night, id)
        if draw < LEAVING_SHARE:
            leavers.append(((since + int(draw / LEAVING_SHARE * DAY)) // SECOND, id))
    database.executemany(
        "update intercom_contacts set is_out = 1, updated = ? where id = ?", leavers
    )
    return len(leavers)


def _draw(seed: int, night: int, id: str) -> float:
    digest = hashlib.blake2b(f"{seed}/{night}/{id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64

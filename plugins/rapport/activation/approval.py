"""A person's word on a change that was too large to be made without one.

>>> decide(connection, "payment_failed", approve=True, reason="new price")  # doctest: +SKIP
1
"""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.errors import ConfigError


def pending(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """The changes that wait, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select segment, destination, cause, adds, removes, members, held, requested_at"
            " from activation.approvals where state = 'pending' order by requested_at, segment"
        ).fetchall()


def decide(connection: psycopg.Connection, segment: str, *, approve: bool, reason: str) -> int:
    """Approve or decline what waits for the segment, on all its lists; how many lists.

    An approval holds for a change of this size until the list was pushed. Raises `ConfigError`
    where nothing waits.
    """
    if not reason.strip():
        raise ConfigError("a decision needs a reason: it is kept with the approval.")
    count = connection.execute(
        "update activation.approvals set state = %s, decision = %s,"
        " decided_at = clock_timestamp() where segment = %s and state = 'pending'",
        ("approved" if approve else "declined", reason.strip(), segment),
    ).rowcount
    if count == 0:
        raise ConfigError(f'nothing waits for "{segment}". `rapport approve` lists what does.')
    return count

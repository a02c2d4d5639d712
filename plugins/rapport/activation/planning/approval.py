"""A person's word on a change that was too large to be made without one.

>>> decide(connection, "payment_failed", approve=True, reason="new price")  # doctest: +SKIP
1
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.errors import ConfigError


def pending(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """The changes that wait, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select segment, destination, cause, adds, removes, members, held, requested_at,"
            " decision as note"
            " from activation.approvals where state = 'pending' order by requested_at, segment"
        ).fetchall()


def decide(
    connection: psycopg.Connection,
    segment: str,
    *,
    approve: bool,
    reason: str,
    destination: str | None = None,
    requested_at: datetime | None = None,
) -> int:
    """Approve or decline what waits for the segment, on all its lists or one; how many lists.

    An approval holds for a change of this size until the list was pushed. `requested_at` keeps an
    answer to an older question from deciding a newer one. Raises `ConfigError` where nothing waits.
    """
    if not reason.strip():
        raise ConfigError("a decision needs a reason: it is kept with the approval.")
    count = connection.execute(
        """
        update activation.approvals set state = %(state)s, decision = %(reason)s,
            decided_at = clock_timestamp()
        where segment = %(segment)s and state = 'pending'
            and destination = coalesce(%(destination)s, destination)
            and requested_at = coalesce(%(requested_at)s, requested_at)
        """,
        {
            "state": "approved" if approve else "declined",
            "reason": reason.strip(),
            "segment": segment,
            "destination": destination,
            "requested_at": requested_at,
        },
    ).rowcount
    if count == 0:
        raise ConfigError(f'nothing waits for "{segment}". `rapport approve` lists what does.')
    return count


def nobody_answered(
    connection: psycopg.Connection, destination: str, segment: str, requested_at: datetime
) -> None:
    """Remember that the time for an answer is over: it goes on waiting, and is not asked again."""
    connection.execute(
        "update activation.approvals set decision = 'nobody answered in Airflow'"
        " where destination = %s and segment = %s and state = 'pending' and requested_at = %s",
        (destination, segment, requested_at),
    )


def questions(connection: psycopg.Connection) -> list[dict[str, str]]:
    """What nobody was asked yet, as the arguments of an `Approval` each: ids and counts."""
    return [
        {
            "destination": row["destination"],
            "segment": row["segment"],
            "requested_at": row["requested_at"].isoformat(),
            "subject": f"{row['destination']}/{row['segment']} waits for approval",
            "body": (
                f"{row['cause']}.\n\n{row['adds']} to add, {row['removes']} to remove, "
                f"{row['held']} on the list, {row['members']} members tonight. Until somebody "
                "approves, the list stays as it was last night."
            ),
        }
        for row in pending(connection)
        if row["note"] is None
    ]

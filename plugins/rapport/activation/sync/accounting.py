"""The accounting of a list: every member is either sent, or not sent for one stated reason.

>>> count(connection, "postbox", "payment_failed", run_id)["not_sent"]  # doctest: +SKIP
{'holdout': 3, 'no_consent': 1}
"""

from typing import Any

import psycopg

from rapport.errors import GateFailed

_BALANCE = """
select
    count(*) as members,
    count(*) filter (where not_sent.reason is null and ledger.content_hash is not null) as sent,
    count(*) filter (where not_sent.reason is not null) as not_sent
from segments.membership as member
left join activation.not_sent
    on not_sent.destination = %(destination)s and not_sent.segment = member.segment
    and not_sent.customer_id = member.customer_id
left join activation.ledger
    on ledger.destination = %(destination)s and ledger.segment = member.segment
    and ledger.customer_id = member.customer_id
where member.segment = %(segment)s and member.left_at is null
"""


def _balance(
    connection: psycopg.Connection, destination: str, segment: str
) -> tuple[int, int, int]:
    """How many members the list has, are sent and are not sent."""
    with connection.transaction():
        # The list may have grown since the last statistics: nested loops would read it per member.
        connection.execute("set local enable_nestloop = off")
        row = connection.execute(
            _BALANCE, {"destination": destination, "segment": segment}
        ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def check(connection: psycopg.Connection, destination: str, segment: str) -> None:
    """Raise `GateFailed` where a member is neither on the list nor has a reason for it."""
    members, sent, not_sent = _balance(connection, destination, segment)
    if members != sent + not_sent:
        raise GateFailed(
            f"{destination}/{segment}: {members} members, but {sent} sent + {not_sent} not sent. "
            "Somebody is unaccounted for. Keep the database as it is and report this."
        )


def count(
    connection: psycopg.Connection, destination: str, segment: str, run_id: str
) -> dict[str, Any]:
    """The counts of one list for the report of the run."""
    members, sent, _ = _balance(connection, destination, segment)
    run = connection.execute(
        "select num_succeeded_add, num_succeeded_remove, num_succeeded_change, status, error,"
        " num_failed_add + num_failed_change + num_failed_remove"
        " from activation.sync_runs where run_id = %s and destination = %s and segment = %s",
        (run_id, destination, segment),
    ).fetchone()
    reasons = connection.execute(
        "select reason, count(*) from activation.not_sent"
        " where destination = %s and segment = %s group by reason order by reason",
        (destination, segment),
    ).fetchall()
    added, removed, updated, status, error, refused = run or (0, 0, 0, "not planned", None, 0)
    return {
        "members": members,
        "added": added,
        "removed": removed,
        "updated": updated,
        "refused": refused,
        "sent": sent,
        "not_sent": dict(reasons),
        "status": status,
        "cause": error,
    }

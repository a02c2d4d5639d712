"""Approval of changes that are too large to be made without one.

This module alone writes the table `activation.approvals`.

>>> decide(connection, "payment_failed", approve=True, reason="new price")  # doctest: +SKIP
1
"""

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport.activation.lists import List
from rapport.activation.planning.difference import Difference
from rapport.errors import ConfigError

SLACK = 10  # An approval of so many operations covers one more.

_ASK = """
insert into activation.approvals
    (destination, segment, state, cause, adds, removes, members, held,
     requested_at, run_id)
values (%(destination)s, %(segment)s, 'pending', %(cause)s, %(adds)s, %(removes)s,
    %(members)s, %(held)s, %(as_of)s, %(run_id)s)
on conflict (destination, segment) where state in ('pending', 'approved')
do update set state = 'pending', decision = case
        when approvals.state = 'pending'
            and approvals.requested_at = excluded.requested_at then approvals.decision
    end,
    cause = excluded.cause, adds = excluded.adds,
    removes = excluded.removes, members = excluded.members, held = excluded.held,
    requested_at = excluded.requested_at, run_id = excluded.run_id
"""


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

    An approval holds for a change of this size until the list was pushed. With `requested_at`, an
    answer to an older request does not decide a newer one. Raises `ConfigError` where nothing
    waits.
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


def act_on(connection: psycopg.Connection, target: List, difference: Difference) -> bool:
    """Let the run act on an approval of a change of this size; False where there is none.

    An approval holds for `approval_days`. It covers a few more operations, as customers come and go
    from day to day. An approval of adds does not cover removals.
    """
    row = connection.execute(
        "select adds, removes from activation.approvals where destination = %s"
        " and segment = %s and state = 'approved' and requested_at > %s",
        (
            target.destination,
            target.segment.key,
            target.as_of - timedelta(days=target.options.approval_days),
        ),
    ).fetchone()
    if row and all(
        now <= approved + min(target.options.change_floor, approved // SLACK)
        for now, approved in zip((difference.adds, difference.removes), row, strict=True)
    ):
        connection.execute(
            "update activation.approvals set acted_on_by = %(run_id)s"
            " where destination = %(destination)s and segment = %(segment)s"
            " and state = 'approved'",
            target.names,
        )
        return True
    return False


def ask(connection: psycopg.Connection, target: List, difference: Difference, cause: str) -> None:
    """Ask for approval, unless the same run was declined already."""
    declined = connection.execute(
        "select from activation.approvals where destination = %(destination)s"
        " and segment = %(segment)s and state = 'declined' and requested_at = %(as_of)s",
        target.names,
    ).fetchone()
    if declined is not None:
        return
    connection.execute(
        _ASK,
        {
            "cause": cause,
            "adds": difference.adds,
            "removes": difference.removes,
            "members": difference.members,
            "held": difference.held,
            **target.names,
        },
    )


def withdraw(connection: psycopg.Connection, target: List) -> None:
    """Close the requests and approvals of a list whose change needs none."""
    connection.execute(
        "update activation.approvals set state = 'used' where destination = %(destination)s"
        " and segment = %(segment)s and state in ('pending', 'approved')",
        target.names,
    )


def mark_used(connection: psycopg.Connection, target: List) -> None:
    """Close the approval that the run acted on; its push has ended."""
    connection.execute(
        "update activation.approvals set state = 'used' where destination = %(destination)s"
        " and segment = %(segment)s and state = 'approved' and acted_on_by = %(run_id)s",
        target.names,
    )


def nobody_answered(
    connection: psycopg.Connection, destination: str, segment: str, requested_at: datetime
) -> None:
    """Record that the time for an answer is over: the change still waits, nobody is asked again."""
    connection.execute(
        "update activation.approvals set decision = 'nobody answered in Airflow'"
        " where destination = %s and segment = %s and state = 'pending' and requested_at = %s",
        (destination, segment, requested_at),
    )


def questions(connection: psycopg.Connection) -> list[dict[str, str]]:
    """The requests that nobody was asked about yet, as arguments of `Approval`: ids and counts."""
    return [
        {
            "destination": row["destination"],
            "segment": row["segment"],
            "requested_at": row["requested_at"].isoformat(),
            "subject": f"{row['destination']}/{row['segment']} waits for approval",
            "body": (
                f"{row['cause']}.\n\n{row['adds']} to add, {row['removes']} to remove, "
                f"{row['held']} on the list, {row['members']} members now. Until somebody "
                "approves, the list stays as the last run left it."
            ),
        }
        for row in pending(connection)
        if row["note"] is None
    ]

"""What must be true before a list may change: no lost ledger, a believable size, a small change.

A list over its budget waits for a person (`rapport approve`); until then it stays as it is, but
for people who withdrew their consent: those are always taken off.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from rapport.activation.planning.difference import Decision
from rapport.activation.planning.known_lists import Listed
from rapport.activation_options import ActivationOptions
from rapport.errors import GateFailed

SLACK = 10  # one more for so many that were approved


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may change: `open` everything, `frozen` only who leaves, else only who said no.

    `reason` is why a member who is held back is not sent.
    """

    state: str
    cause: str | None = None
    reason: str = "waiting_for_approval"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nobody may be added to a list tonight, in words and as the reason of each member."""

    cause: str
    reason: str


def refuse_empty_sources(connection: psycopg.Connection) -> None:
    """Raise `GateFailed` where a published table that every list rests on is empty."""
    for table in (("marts", "dim_customers"), ("marts_pii", "dim_customer_contacts")):
        row = connection.execute(
            sql.SQL(
                "select exists (select from {}), exists (select from activation.ledger)"
            ).format(sql.Identifier(*table))
        ).fetchone()
        assert row is not None
        if row[1] and not row[0]:
            raise GateFailed(
                f"{'.'.join(table)} is empty, but there are people on lists: nothing is planned, "
                "every list stays as it is. Find out why it is empty, then run again."
            )


def refuse_lost_ledger(connection: psycopg.Connection, destination: str, segment: str) -> None:
    """Raise `GateFailed` where the ledger holds less than half of what it must.

    That is what the last run counted, at its plan or at its end, less whom it took off since and
    who was erased since.
    """
    row = connection.execute(
        """
        select
            last_run.held - (select coalesce(sum(items), 0) from privacy.receipts
                where store = 'activation.ledger'
                and at > greatest(last_run.started_at, last_run.finished_at)),
            (select count(*) from activation.ledger
                where destination = %(destination)s and segment = %(segment)s)
        from activation.sync_runs as last_run
        where destination = %(destination)s and segment = %(segment)s and status <> 'refused'
        order by as_of desc, finished_at desc nulls first, started_at desc limit 1
        """,
        {"destination": destination, "segment": segment},
    ).fetchone()
    if row and row[0] > 0 and row[1] * 2 < row[0]:
        raise GateFailed(
            f"the ledger of {destination}/{segment} has {row[1]} people, the last run left "
            f"{row[0]} on the list: the list stays as it is. Restore activation.ledger from a "
            "backup; or delete the list's last rows from it, then the next run reads the list back "
            "from the tool, where the tool can tell."
        )


def judge(
    connection: psycopg.Connection,
    listed: Listed,
    decision: Decision,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    hold: Hold | None,
) -> Verdict:
    """May this list change tonight?"""
    destination, segment = listed.destination, listed.segment.key
    if hold is not None:
        decision = replace(decision, adds=0)
    was_complete = _was_complete(connection, segment, destination)
    cause = _cause(listed, decision, options, was_complete)
    if cause is not None and not _approved(
        connection, segment, destination, decision, options, run_id, as_of, cause
    ):
        return Verdict("waiting", cause)
    if hold is not None:
        return Verdict("frozen", hold.cause, hold.reason)
    if cause is None:
        connection.execute(
            "update activation.approvals set state = 'used' where destination = %s"
            " and segment = %s and state in ('pending', 'approved')",
            (destination, segment),
        )
    return Verdict("open", cause)


def _was_complete(connection: psycopg.Connection, segment: str, destination: str) -> bool:
    """Whether the list was ever pushed to its end; before that there is nothing to compare with."""
    row = connection.execute(
        "select exists (select from activation.sync_runs where destination = %s and segment = %s"
        " and status in ('success', 'partial'))",
        (destination, segment),
    ).fetchone()
    return bool(row and row[0])


def _cause(
    listed: Listed, decision: Decision, options: ActivationOptions, was_complete: bool
) -> str | None:
    segment = listed.segment
    if decision.lost:
        return (
            f"the consent of {decision.lost} of {decision.held} people went missing together with "
            "many others: withdrawn by each of them, or is a source turned off or broken?"
        )
    removes = decision.removes - decision.compelled
    change = decision.adds + removes
    if change == 0:
        return None
    least, most = segment.size_band
    if not least <= decision.members <= most:
        return f"{decision.members} members are outside of size_band {least} to {most}"
    if decision.held == 0:
        return None
    empties = decision.held >= 5 and decision.removes == decision.held and decision.adds == 0
    if empties and decision.compelled < decision.held:
        because = f"{listed.cause}: " if listed.cause else ""
        return f"{because}all {decision.held} people would leave the list"
    # A list that is still being filled for the first time has no size to compare its adds with.
    counted = change if was_complete else removes
    if counted > options.change_floor and counted > segment.change_budget * decision.held:
        return (
            f"{decision.adds} to add and {removes} to remove of {decision.held} are over the "
            f"change_budget of {segment.change_budget:.0%}"
        )
    return None


def _approved(
    connection: psycopg.Connection,
    segment: str,
    destination: str,
    decision: Decision,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    cause: str,
) -> bool:
    """Whether a person said yes lately to a change of this size; else the request is put up.

    A day later some more may come or go, but a yes to adds is none to removals.
    """
    row = connection.execute(
        "select adds, removes from activation.approvals where destination = %s"
        " and segment = %s and state = 'approved' and requested_at > %s",
        (destination, segment, as_of - timedelta(days=options.approval_days)),
    ).fetchone()
    if row and all(
        now <= said + min(options.change_floor, said // SLACK)
        for now, said in zip((decision.adds, decision.removes), row, strict=True)
    ):
        connection.execute(
            "update activation.approvals set acted_on_by = %s where destination = %s"
            " and segment = %s and state = 'approved'",
            (run_id, destination, segment),
        )
        return True
    declined = connection.execute(
        "select from activation.approvals where destination = %s and segment = %s"
        " and state = 'declined' and requested_at = %s",
        (destination, segment, as_of),
    ).fetchone()
    if declined is None:
        connection.execute(
            """
            insert into activation.approvals
                (destination, segment, state, cause, adds, removes, members, held,
                 requested_at, run_id)
            values (%s, %s, 'pending', %s, %s, %s, %s, %s, %s, %s)
            on conflict (destination, segment) where state in ('pending', 'approved')
            do update set state = 'pending', decision = case
                    when approvals.state = 'pending'
                        and approvals.requested_at = excluded.requested_at then approvals.decision
                end,
                cause = excluded.cause, adds = excluded.adds,
                removes = excluded.removes, members = excluded.members, held = excluded.held,
                requested_at = excluded.requested_at, run_id = excluded.run_id
            """,
            (
                destination,
                segment,
                cause,
                decision.adds,
                decision.removes,
                decision.members,
                decision.held,
                as_of,
                run_id,
            ),
        )
    return False

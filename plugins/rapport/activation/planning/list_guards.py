"""The guards of a list: the ledger is not lost, the size is plausible, the change is small enough.

A list whose change is over its budget waits for approval (`rapport approve`). Until then only
customers who refuse consent are taken off.

>>> judge(connection, target, difference, hold=None)  # doctest: +SKIP
Verdict(state='waiting', cause='all 12 people would leave the list', reason='waiting_for_approval')
"""

from dataclasses import dataclass, replace

import psycopg
from psycopg import sql

from rapport.activation.lists import KnownList, List
from rapport.activation.planning import approval
from rapport.activation.planning.difference import Difference
from rapport.activation.segments import sizes
from rapport.activation_options import ActivationOptions
from rapport.errors import GateFailed


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may change: `open` all, `frozen` removals, else removals for want of consent only.

    `reason` is why a member who is held back is not sent.
    """

    state: str
    cause: str | None = None
    reason: str = "waiting_for_approval"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why nobody may be added to a list in this run, in words and as the reason of each member."""

    cause: str
    reason: str


def refuse_empty_sources(connection: psycopg.Connection) -> None:
    """Raise `GateFailed` where a published table that every list needs is empty."""
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
    """Raise `GateFailed` where the ledger has less than half of the people that it must have.

    It must have those whom the last run counted, at its plan or at its end, without those whom
    that run took off since then and those who were erased since then.
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
            "backup. Or delete the list's last rows from it: then the next run reads the list back "
            "from the destination, where the destination can list it."
        )


def judge(
    connection: psycopg.Connection, target: List, difference: Difference, hold: Hold | None
) -> Verdict:
    """Whether this list may change in this run; where approval is needed, it is asked for."""
    if hold is not None:
        difference = replace(difference, adds=0)
    band = target.segment.size_band or sizes.usual_band(
        connection, target.segment.key, target.as_of
    )
    cause = _cause(target, difference, target.options, _was_complete(connection, target), band)
    if cause is not None and not approval.act_on(connection, target, difference):
        approval.ask(connection, target, difference, cause)
        return Verdict("waiting", cause)
    if hold is not None:
        return Verdict("frozen", hold.cause, hold.reason)
    if cause is None:
        approval.withdraw(connection, target)
    return Verdict("open", cause)


def _was_complete(connection: psycopg.Connection, target: List) -> bool:
    """Whether a push of the list ever ended; before that there is nothing to compare with."""
    row = connection.execute(
        "select exists (select from activation.sync_runs where destination = %s and segment = %s"
        " and status in ('success', 'partial'))",
        (target.destination, target.segment.key),
    ).fetchone()
    return bool(row and row[0])


def _cause(
    known: KnownList,
    difference: Difference,
    options: ActivationOptions,
    was_complete: bool,
    band: tuple[int, int] | None,
) -> str | None:
    """Why the change needs approval; None where it does not."""
    segment = known.segment
    if difference.lost:
        return (
            f"the consent of {difference.lost} of {difference.held} people went missing together "
            "with many others: did each of them withdraw it, or is a source turned off or broken?"
        )
    removes = difference.removes - difference.compelled
    change = difference.adds + removes
    if change == 0:
        return None
    if band is not None and not band[0] <= difference.members <= band[1]:
        name = "size_band" if segment.size_band else "the usual size of this segment,"
        return f"{difference.members} members are outside of {name} {band[0]} to {band[1]}"
    if difference.held == 0:
        return None
    empties = (
        difference.held >= 5 and difference.removes == difference.held and difference.adds == 0
    )
    if empties and difference.compelled < difference.held:
        because = f"{known.cause}: " if known.cause else ""
        return f"{because}all {difference.held} people would leave the list"
    # A list that is still being filled for the first time has no size to compare its adds with.
    counted = change if was_complete else removes
    if counted > options.change_floor and counted > segment.change_budget * difference.held:
        return (
            f"{difference.adds} to add and {removes} to remove of {difference.held} are over the "
            f"change_budget of {segment.change_budget:.0%}"
        )
    return None

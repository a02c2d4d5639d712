"""The plan: what each list needs, by the difference between its members and the ledger.

Every member is either sent, or not sent for one stated reason.

>>> plan_lists(connection, definitions, ["postbox"], options, run_id, as_of)  # doctest: +SKIP
[ListPlan(destination='postbox', segment='payment_failed', state='open', ...)]
"""

import logging
from collections.abc import Collection
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation import ledger, sync_runs
from rapport.activation.lists import List
from rapport.activation.planning import (
    blocked_additions,
    list_guards,
    plan_rows,
    priority,
    sent_traits,
)
from rapport.activation.planning.difference import find_difference
from rapport.activation.planning.known_lists import all_lists
from rapport.activation.planning.list_guards import Verdict
from rapport.activation.planning.list_plan import ListPlan, hold_back, note, write
from rapport.activation.planning.lost_consents import look_for_losses
from rapport.activation.segments import membership, sizes
from rapport.activation.segments.declarations import Definitions
from rapport.activation.segments.definitions import Known, recall, remember
from rapport.activation_options import ActivationOptions
from rapport.errors import GateFailed

log = logging.getLogger(__name__)


def plan_lists(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: Collection[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    turned_off: Collection[str] = (),
) -> list[ListPlan]:
    """Plan every list; a list that is refused does not stop the others.

    `destinations` are the enabled ones. The lists of destinations that are `turned_off`, and lists
    that are no longer declared, are retired: everybody on them leaves. Raises `GateFailed` where
    the customers or their contacts are empty.
    """
    list_guards.refuse_empty_sources(connection)
    look_for_losses(connection, options, as_of)
    reserved = priority.make_table(connection)
    with connection.transaction():
        sync_runs.lower_held(connection, ledger.rename_merged(connection))
    remember(connection, definitions, as_of)
    known = recall(connection, definitions)
    # What the pushes of the last run wrote.
    connection.execute("analyze activation.ledger, activation.receipts, activation.sync_changelog")
    lists = [
        entry.in_run(options, run_id, as_of)
        for entry in all_lists(connection, known, destinations, turned_off)
    ]
    by_priority = list(known.segments)
    plans: list[ListPlan] = []
    for place, segment in enumerate(known.segments.values(), start=1):
        own = [target for target in lists if target.has_members and target.segment is segment]
        plans += [plan_list(connection, target, known, reserved) for target in own]
        priority.reserve(
            connection, reserved, segment, [target.destination for target in own],
            later=by_priority[place:],
        )  # fmt: skip
    planned = {(plan.destination, plan.segment) for plan in plans}
    for target in lists:
        if (target.destination, target.segment.key) not in planned:
            plans.append(_plan_leftover(connection, target, known, reserved))
    connection.execute("analyze activation.plan, activation.not_sent")
    return plans


def plan_list(
    connection: psycopg.Connection, target: List, known: Known, reserved: sql.Identifier
) -> ListPlan:
    """Plan one list in one transaction; `reserved` is the table of `priority`."""
    with connection.transaction():
        refused = _refused(connection, target)
        suppressors = blocked_additions.suppressors(known, target.segment)
        difference = find_difference(connection, target, suppressors, reserved)
        hold = blocked_additions.find_hold(connection, known, target)
        verdict = refused or list_guards.judge(connection, target, difference, hold)
        hold_back(connection, difference, verdict)
        plan = write(connection, target, difference, verdict)
        if target.has_members:
            sent_traits.declare(connection, target)
    log.info(
        "%s %s: %d members, +%d ~%d -%d",
        target.sync_id, plan.state, plan.members, plan.add, plan.update, plan.remove,
    )  # fmt: skip
    return plan


def _refused(connection: psycopg.Connection, target: List) -> Verdict | None:
    """A list whose ledger is lost stays as it is, except for removals for want of consent."""
    try:
        list_guards.refuse_lost_ledger(connection, target.destination, target.segment.key)
    except GateFailed as error:
        log.error("%s refused: %s", target.sync_id, error)
        return Verdict("refused", str(error), "ledger_lost")
    return None


def _plan_leftover(
    connection: psycopg.Connection, target: List, known: Known, reserved: sql.Identifier
) -> ListPlan:
    """Plan a list that is no longer declared: empty it, or set it aside if it is orphaned.

    Customers who refuse consent leave at once; the others leave once the change is approved.
    """
    if target.standing != "orphaned":
        _end_memberships(connection, target, known)
        return plan_list(connection, target, known, reserved)
    return _set_aside(connection, target)


def _end_memberships(connection: psycopg.Connection, target: List, known: Known) -> None:
    """End the memberships of a segment without a file."""
    key = target.segment.key
    if key in known.segments or key in known.unreadable:
        return
    with connection.transaction():
        membership.end(connection, key, target.as_of)
        sizes.note_end(connection, key, target.run_id, target.as_of)


def _set_aside(connection: psycopg.Connection, target: List) -> ListPlan:
    """Plan nothing for an orphaned list, and drop what an earlier run planned."""
    plan = ListPlan(target.destination, target.segment.key, "orphaned", target.cause)
    log.error("%s orphaned: %s", target.sync_id, plan.cause)
    with connection.transaction():
        plan_rows.clear(connection, target)
        held = ledger.people_on(connection, target.destination, target.segment.key)
        note(connection, target, plan, held)
    return plan

"""The plan: wanted against ledger, list by list, written to `activation.plan` and `not_sent`.

Members are always sent plus not sent, and each of those who are not has one reason.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import psycopg

from rapport.activation.planning import holds, list_guards, priority, sent_traits
from rapport.activation.planning.difference import decide
from rapport.activation.planning.known_lists import Listed, all_lists, people_on
from rapport.activation.planning.list_guards import Verdict
from rapport.activation.planning.list_plan import ListPlan, hold_back, note, write
from rapport.activation.planning.lost_consents import look_for_losses
from rapport.activation.planning.merged_customers import follow_merges
from rapport.activation.segments.declarations import Definitions
from rapport.activation.segments.definitions import Known, recall, remember
from rapport.activation_options import ActivationOptions
from rapport.errors import GateFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tonight:
    """What holds for every list of one planning."""

    known: Known
    options: ActivationOptions
    run_id: str
    as_of: datetime


def plan_lists(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: Collection[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    turned_off: Collection[str] = (),
) -> list[ListPlan]:
    """Plan every list; one that is refused stops no other.

    `destinations` are the enabled ones. Lists of those that are `turned_off`, and lists that are
    declared no more, are retired: whoever is on them leaves.
    """
    list_guards.refuse_empty_sources(connection)
    look_for_losses(connection, options, as_of)
    priority.forget(connection)
    follow_merges(connection)
    remember(connection, definitions, as_of)
    tonight = Tonight(recall(connection, definitions), options, run_id, as_of)
    known = tonight.known
    lists = all_lists(connection, known, destinations, turned_off)
    plans: list[ListPlan] = []
    for segment in known.segments.values():
        own = [entry for entry in lists if entry.has_members and entry.segment is segment]
        plans += [plan_list(connection, entry, tonight) for entry in own]
        priority.claim(
            connection, segment, [entry.destination for entry in own], list(known.segments)
        )
    planned = {(plan.destination, plan.segment) for plan in plans}
    for entry in lists:
        if (entry.destination, entry.segment.key) not in planned:
            plans.append(_plan_leftover(connection, entry, tonight))
    return plans


def plan_list(connection: psycopg.Connection, listed: Listed, tonight: Tonight) -> ListPlan:
    """Plan one list in one transaction."""
    destination, segment = listed.destination, listed.segment
    options, run_id, as_of = tonight.options, tonight.run_id, tonight.as_of
    with connection.transaction():
        refused = _refused(connection, destination, segment.key)
        suppressors = holds.suppressors(tonight.known, segment)
        decision = decide(connection, listed, options, suppressors, run_id, as_of)
        hold = holds.hold(connection, tonight.known, listed, as_of)
        verdict = refused or list_guards.judge(
            connection, listed, decision, options, run_id, as_of, hold
        )
        hold_back(connection, verdict)
        plan = write(connection, listed, decision, verdict, run_id, as_of)
        if listed.has_members:
            sent_traits.declare(connection, segment, destination, as_of)
    log.info(
        "%s/%s %s: %d members, +%d ~%d -%d",
        destination, segment.key, plan.state, plan.members, plan.add, plan.update, plan.remove,
    )  # fmt: skip
    return plan


def _refused(connection: psycopg.Connection, destination: str, segment: str) -> Verdict | None:
    """A list whose ledger is lost stays as it is, but for the people in it who say no."""
    try:
        list_guards.refuse_lost_ledger(connection, destination, segment)
    except GateFailed as error:
        log.error("%s/%s refused: %s", destination, segment, error)
        return Verdict("refused", str(error), "ledger_lost")
    return None


def _plan_leftover(connection: psycopg.Connection, listed: Listed, tonight: Tonight) -> ListPlan:
    """A list that is declared no more: emptied, or handed to a person where nothing can be called.

    Who said no leaves at once; that the others leave waits until a person has said yes.
    """
    if listed.standing != "orphaned":
        _end_memberships(connection, listed, tonight)
        return plan_list(connection, listed, tonight)
    return _set_aside(connection, listed, tonight)


def _end_memberships(connection: psycopg.Connection, listed: Listed, tonight: Tonight) -> None:
    """Nobody is a member any more of a segment without a file."""
    key = listed.segment.key
    if key in tonight.known.segments or key in tonight.known.unreadable:
        return
    with connection.transaction():
        connection.execute(
            "update segments.membership set left_at = %s where segment = %s and left_at is null",
            (tonight.as_of, key),
        )
        connection.execute(
            "insert into segments.sizes values (%s, %s, %s, 0, 0, 0, null)"
            " on conflict (segment, as_of) do nothing",
            (key, tonight.as_of, tonight.run_id),
        )


def _set_aside(connection: psycopg.Connection, listed: Listed, tonight: Tonight) -> ListPlan:
    """An orphaned list: nothing is pushed, and what was planned for it before is out of date."""
    destination, key = listed.destination, listed.segment.key
    plan = ListPlan(destination, key, "orphaned", listed.cause)
    log.error("%s/%s orphaned: %s", destination, key, plan.cause)
    with connection.transaction():
        connection.execute(
            "delete from activation.plan where destination = %s and segment = %s",
            (destination, key),
        )
        held = people_on(connection, destination, key)
        note(connection, listed.segment.model, plan, tonight.run_id, tonight.as_of, held)
    return plan

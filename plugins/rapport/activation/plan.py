"""The plan: wanted against ledger, list by list, written to `activation.plan` and `not_sent`.

Members are always sent plus not sent, and each of those who are not has one reason.
"""

import logging
from datetime import datetime

import psycopg

from rapport.activation import claims, guards
from rapport.activation.decide import decide
from rapport.activation.draft import ListPlan, hold_back, note, write
from rapport.activation.merges import follow_merges
from rapport.activation.options import ActivationOptions
from rapport.activation.segments import Definitions, Segment
from rapport.errors import GateFailed

log = logging.getLogger(__name__)


def plan_lists(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: list[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
) -> list[ListPlan]:
    """Plan every list of the enabled destinations; one that is refused stops no other."""
    guards.refuse_empty_sources(connection)
    claims.forget(connection)
    follow_merges(connection)
    segments = definitions.segments
    plans: list[ListPlan] = []
    for segment in segments.values():
        suppressors = [
            other.key
            for other in segments.values()
            if segment.purpose in other.suppresses and other.key != segment.key
        ]
        for destination in segment.destinations:
            if destination in destinations:
                plans.append(
                    plan_list(connection, segment, destination, options, suppressors, run_id, as_of)
                )
        claims.claim(connection, segment, [s.key for s in segments.values()])
    if not definitions.problems:
        plans += _retire(connection, definitions, destinations, options, run_id, as_of)
    return plans


def plan_list(
    connection: psycopg.Connection,
    segment: Segment,
    destination: str,
    options: ActivationOptions,
    suppressors: list[str],
    run_id: str,
    as_of: datetime,
) -> ListPlan:
    """Plan one list in one transaction."""
    try:
        with connection.transaction():
            guards.refuse_lost_ledger(connection, destination, segment.key)
            decision = decide(connection, segment, destination, options, suppressors, as_of)
            frozen = _frozen_because(connection, segment.key, destination, as_of)
            verdict = guards.judge(
                connection, segment, destination, decision, options, run_id, as_of, frozen
            )
            hold_back(connection, verdict.state)
            plan = write(connection, segment, destination, decision, verdict, run_id, as_of)
    except GateFailed as error:
        log.error("%s/%s refused: %s", destination, segment.key, error)
        plan = ListPlan(destination, segment.key, "refused", str(error))
        with connection.transaction():
            connection.execute(
                "delete from activation.plan where destination = %s and segment = %s",
                (destination, segment.key),
            )
            note(connection, segment.model, plan, run_id, as_of)
    log.info(
        "%s/%s %s: %d members, +%d ~%d -%d",
        destination, segment.key, plan.state, plan.members, plan.add, plan.update, plan.remove,
    )  # fmt: skip
    return plan


def _frozen_because(
    connection: psycopg.Connection, segment: str, destination: str, as_of: datetime
) -> str | None:
    row = connection.execute(
        "select frozen_because from segments.sizes where segment = %s and as_of = %s",
        (segment, as_of),
    ).fetchone()
    if row is None:
        return "it was not evaluated tonight"
    if row[0] is not None:
        return str(row[0])
    pulled = connection.execute(
        "select problem from activation.pulls where destination = %s and as_of = %s",
        (destination, as_of),
    ).fetchone()
    return f"who is out there is not known: {pulled[0]}" if pulled and pulled[0] else None


def _retire(
    connection: psycopg.Connection,
    definitions: Definitions,
    destinations: list[str],
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
) -> list[ListPlan]:
    """Lists whose segment has no file any more: emptied, once a person has said yes."""
    rows = connection.execute(
        "select distinct destination, segment from activation.ledger"
        " where not segment = any(%s) and destination = any(%s) order by 1, 2",
        (list(definitions.segments), destinations),
    ).fetchall()
    plans = []
    for destination, key in rows:
        retired = Segment.retired(key)
        with connection.transaction():
            connection.execute(
                "update segments.membership set left_at = %s where segment = %s"
                " and left_at is null",
                (as_of, key),
            )
            connection.execute(
                "insert into segments.sizes values (%s, %s, %s, 0, 0, 0, null)"
                " on conflict (segment, as_of) do nothing",
                (key, as_of, run_id),
            )
        plans.append(plan_list(connection, retired, destination, options, [], run_id, as_of))
    return plans

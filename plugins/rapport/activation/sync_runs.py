"""One row per list and run: what was planned, what was accepted or refused, how it ended.

This module alone writes the table `activation.sync_runs`. The column `held` is the number of
people that the ledger must have on the list; a smaller ledger was lost.

>>> close(connection, target, "success", None)  # doctest: +SKIP
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import psycopg
from psycopg import sql

from rapport.activation.lists import List

# With these states of the plan, the run does not bring the list to what it should be.
LEFT_AS_IT_IS = ("refused", "orphaned")

_PLANNED = """
insert into activation.sync_runs
    (sync_id, sync_run_id, run_id, destination, segment, model_name, status, error, as_of,
     members, num_planned_add, num_planned_change, num_planned_remove, held, plan_state)
values (%(sync_id)s, %(sync_run_id)s, %(run_id)s, %(destination)s, %(segment)s, %(model)s,
    %(status)s, %(cause)s, %(as_of)s, %(members)s, %(add)s, %(update)s, %(remove)s,
    %(held)s, %(state)s)
on conflict (run_id, destination, segment) do update set
    status = excluded.status, error = excluded.error, members = excluded.members,
    held = excluded.held, plan_state = excluded.plan_state,
    num_failed_add = 0, num_failed_change = 0, num_failed_remove = 0,
    num_planned_add = activation.sync_runs.num_succeeded_add + excluded.num_planned_add,
    num_planned_change =
        activation.sync_runs.num_succeeded_change + excluded.num_planned_change,
    num_planned_remove =
        activation.sync_runs.num_succeeded_remove + excluded.num_planned_remove
"""
_CLOSE = """
update activation.sync_runs set status = %(status)s,
    error = coalesce(%(error)s, error), finished_at = clock_timestamp(),
    held = (select count(*) from activation.ledger
        where destination = %(destination)s and segment = %(segment)s)
where run_id = %(run_id)s and destination = %(destination)s
    and segment = %(segment)s
"""
_RECOVERED = """
insert into activation.sync_runs
    (sync_id, sync_run_id, run_id, destination, segment, model_name, status, as_of,
     finished_at, held)
values (%(id)s, 'read back/' || %(id)s, 'read back ' || %(as_of)s::text, %(destination)s,
    %(segment)s, 'seg_' || %(segment)s, 'success', %(as_of)s, clock_timestamp(), %(found)s)
on conflict (run_id, destination, segment) do update set held = excluded.held
"""
_LOWER_HELD = """
update activation.sync_runs as run set held = run.held - %(people)s
where run.destination = %(destination)s and run.segment = %(segment)s
    and run.as_of = (select max(as_of) from activation.sync_runs as last_run
        where last_run.destination = %(destination)s
            and last_run.segment = %(segment)s and last_run.status <> 'refused')
"""


def note_plan(
    connection: psycopg.Connection,
    target: List,
    state: str,
    cause: str | None,
    counts: Mapping[str, int],
    held: int = 0,
) -> None:
    """Record the plan of a list; `counts` are members, add, update and remove.

    `held` is how many people the ledger has, 0 where the ledger cannot be trusted.
    """
    connection.execute(
        _PLANNED,
        {
            "sync_id": target.sync_id,
            "sync_run_id": f"{target.run_id}/{target.sync_id}",
            "model": target.segment.model,
            "status": state if state in LEFT_AS_IT_IS else "planned",
            "state": state,
            "cause": cause,
            "held": held,
            **counts,
            **target.names,
        },
    )


def add_answers(connection: psycopg.Connection, target: List, counts: Mapping[str, int]) -> None:
    """Add the answers to a batch; `counts` has how much each column grows."""
    connection.execute(
        sql.SQL(
            "update activation.sync_runs set {} where run_id = %(run_id)s"
            " and destination = %(destination)s and segment = %(segment)s"
        ).format(
            sql.SQL(", ").join(
                sql.SQL("{0} = {0} + {1}").format(sql.Identifier(name), number)
                for name, number in counts.items()
            )
        ),
        target.names,
    )


def close(connection: psycopg.Connection, target: List, status: str, error: str | None) -> None:
    """Record how the push of a list ended, and how many people the ledger has now."""
    connection.execute(_CLOSE, {"status": status, "error": error, **target.names})


def note_recovery(
    connection: psycopg.Connection, destination: str, segment: str, as_of: datetime, found: int
) -> None:
    """Record a run that left `found` people on the list, so that the change budget applies again.

    To be called after a lost ledger was read back from the destination.
    """
    connection.execute(
        _RECOVERED,
        {
            "id": f"{destination}/{segment}",
            "destination": destination,
            "segment": segment,
            "as_of": as_of,
            "found": found,
        },
    )


def lower_held(connection: psycopg.Connection, dropped: Iterable[tuple[str, str, int]]) -> None:
    """Subtract rows that the ledger dropped on purpose: (destination, segment, people) each."""
    for destination, segment, people in dropped:
        connection.execute(
            _LOWER_HELD, {"destination": destination, "segment": segment, "people": people}
        )

"""The push: send the plan of one destination, batch by batch, removals first.

>>> push_destination(  # doctest: +SKIP
...     connection, definitions, destination, options, run_id, as_of
... )
{"payment_failed": {"members": 12, "added": 2, "removed": 1, "updated": 0, ...}}
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from rapport import faults
from rapport.activation import sync_runs
from rapport.activation.code_version import code_version
from rapport.activation.lists import List
from rapport.activation.planning import approval, plan_rows
from rapport.activation.planning.known_lists import find
from rapport.activation.segments.columns import column_types
from rapport.activation.segments.declarations import Definitions, Segment
from rapport.activation.segments.definitions import recall
from rapport.activation.sync import accounting, people, refused_rows
from rapport.activation.sync.batches import Taken, take
from rapport.activation.sync.record import record
from rapport.activation.sync.send import send_all
from rapport.activation_options import ActivationOptions
from rapport.errors import AlreadyRunning, ConfigError, GiveUp, RapportError, StaleWriter
from rapport.vendors.destination import Audience, Destination, RunContext
from rapport.warehouse import locks

log = logging.getLogger(__name__)


def push_destination(
    connection: psycopg.Connection,
    definitions: Definitions,
    destination: Destination,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    is_turned_off: bool = False,
) -> dict[str, dict[str, Any]]:
    """Push every planned list of one destination; counts by segment.

    With `is_turned_off`, every list of the destination is retired. An error of the whole
    destination (down, wrong login) is raised at the end, after the other lists were tried. Raises
    `AlreadyRunning` and `StaleWriter`.
    """
    name = destination.name
    enabled = () if is_turned_off else (name,)
    counts: dict[str, dict[str, Any]] = {}
    failed: RapportError | None = None
    with _only_one(connection, name):
        known = recall(connection, definitions)
        for key, state in planned(connection, name, run_id, as_of):
            target = find(connection, known, name, key, enabled).in_run(options, run_id, as_of)
            is_left = state in sync_runs.LEFT_AS_IT_IS
            try:
                _push_list(connection, destination, target, is_whole=not is_left)
            except RapportError as error:
                log.error("%s stopped: %s", target.sync_id, error)
                _close(connection, target, "failed", str(error))
                failed = failed or error
            else:
                refused = refused_rows.of_list(connection, run_id, name, key)
                status, cause = ("partial", str(refused)) if refused else ("success", None)
                _close(connection, target, state if is_left else status, cause)
                if target.has_members and not is_left:
                    accounting.check(connection, name, key)
            counts[key] = accounting.count(connection, name, key, run_id)
    if failed is not None:
        raise failed
    return counts


def _push_list(
    connection: psycopg.Connection, destination: Destination, target: List, is_whole: bool
) -> None:
    """Send the plan; where the ledger `is_whole`, the destination also gets the list as a whole."""
    plan_rows.reopen(connection, target)
    batches = Batches(connection, destination, target)
    for leavers in (True, False, True):
        for taken, results in send_all(destination, batches.take_all(leavers), leavers=leavers):
            faults.point("activation.answered")
            record(connection, target, taken, results)
            faults.point("activation.recorded")
    if not is_whole:
        return
    run = RunContext(
        target.run_id, target.as_of, code_version(), lambda: people.everybody(connection, target)
    )
    destination.finish(batches.audience, run)


class Batches:
    """The batches of one list; the destination is prepared before the first one with people."""

    def __init__(
        self, connection: psycopg.Connection, destination: Destination, target: List
    ) -> None:
        self.connection = connection
        self.destination = destination
        self.target = target
        self.audience = _audience(connection, target.segment)
        self.is_prepared = False

    def take_all(self, leavers: bool) -> Iterator[Taken]:
        """Batches with people in them, until the plan has nobody left."""
        last = ""
        size = self.destination.batch_size
        while taken := take(self.connection, self.target, self.audience, size, leavers, last):
            last = taken.last
            if not taken.batch.people:
                continue
            self._prepare(leavers)
            faults.point("activation.intended")
            yield taken

    def _prepare(self, leavers: bool) -> None:
        """Prepare the list; where the destination refuses it, people can still leave it."""
        if self.is_prepared:
            return
        try:
            self.destination.prepare(self.audience)
            self.is_prepared = True
        except (ConfigError, GiveUp) as error:
            if not leavers:
                raise
            log.warning("%s: only removals are sent: %s", self.destination.name, error)


@contextmanager
def _only_one(connection: psycopg.Connection, destination: str) -> Iterator[None]:
    with locks.only_one(connection, f"activation/{destination}") as is_ours:
        if not is_ours:
            raise AlreadyRunning(f"{destination}: another push is running. Wait until it is done.")
        yield


def planned(
    connection: psycopg.Connection, destination: str, run_id: str, as_of: datetime
) -> list[tuple[str, str]]:
    """The lists of the run, with the status of each; raises `StaleWriter` for an older run."""
    newer = connection.execute(
        "select run_id from activation.sync_runs where destination = %s and as_of > %s limit 1",
        (destination, as_of),
    ).fetchone()
    if newer is not None:
        raise StaleWriter(
            f"{destination}: run {newer[0]} has a later logical time and has planned already. "
            f"The plan of run {run_id} is out of date and is not pushed."
        )
    return connection.execute(
        "select segment, status from activation.sync_runs"
        " where destination = %s and run_id = %s order by segment",
        (destination, run_id),
    ).fetchall()


def _close(connection: psycopg.Connection, target: List, status: str, error: str | None) -> None:
    with connection.transaction():
        sync_runs.close(connection, target, status, error)
        if status != "failed":
            approval.mark_used(connection, target)


def _audience(connection: psycopg.Connection, segment: Segment) -> Audience:
    types = column_types(connection, segment)
    return segment.audience({column: types.get(column, "string") for column in segment.traits})

"""The push: the plan of one destination, batch by batch, leavers first.

>>> push_destination(connection, definitions, tool, options, run_id, as_of)  # doctest: +SKIP
{"payment_failed": {"members": 12, "added": 2, "removed": 1, "updated": 0, ...}}
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from rapport import faults
from rapport.activation.code_version import code_version
from rapport.activation.lists import List
from rapport.activation.planning.known_lists import find
from rapport.activation.planning.list_plan import LEFT_AS_IT_IS
from rapport.activation.segments import membership
from rapport.activation.segments.declarations import Definitions, Segment
from rapport.activation.segments.definitions import recall
from rapport.activation.sync import accounting, refused_rows
from rapport.activation.sync.batches import Taken, take
from rapport.activation.sync.record import record
from rapport.activation.sync.send import send_all
from rapport.activation_options import ActivationOptions
from rapport.errors import AlreadyRunning, ConfigError, GiveUp, RapportError, StaleWriter
from rapport.vendors.destination import Audience, Destination, Night, Person
from rapport.warehouse import locks

log = logging.getLogger(__name__)


def push_destination(
    connection: psycopg.Connection,
    definitions: Definitions,
    tool: Destination,
    options: ActivationOptions,
    run_id: str,
    as_of: datetime,
    is_turned_off: bool = False,
) -> dict[str, dict[str, Any]]:
    """Push every planned list of one tool; counts by segment.

    Of one that `is_turned_off`, every list is retired.
    What the tool refused as a whole (down, wrong login) is raised at the end, after the other
    lists had their turn. Raises `AlreadyRunning` and `StaleWriter`.
    """
    enabled = () if is_turned_off else (tool.name,)
    counts: dict[str, dict[str, Any]] = {}
    failed: RapportError | None = None
    with _only_one(connection, tool.name):
        known = recall(connection, definitions)
        for key, state in planned(connection, tool.name, run_id, as_of):
            listed = find(connection, known, tool.name, key, enabled)
            segment = listed.segment
            target = List(
                segment, tool.name, _audience(connection, segment), options, run_id, as_of
            )
            try:
                _push_list(connection, tool, target, is_whole=state not in LEFT_AS_IT_IS)
            except RapportError as error:
                log.error("%s/%s stopped: %s", tool.name, key, error)
                _close_run(connection, target, "failed", str(error))
                failed = failed or error
            else:
                refused = refused_rows.of_list(connection, run_id, tool.name, key)
                status, said = ("partial", str(refused)) if refused else ("success", None)
                is_left = state in LEFT_AS_IT_IS
                _close_run(connection, target, state if is_left else status, said)
                if listed.has_members and not is_left:
                    accounting.check(connection, tool.name, key)
            counts[key] = accounting.count(connection, tool.name, key, run_id)
    if failed is not None:
        raise failed
    return counts


def _push_list(
    connection: psycopg.Connection, tool: Destination, target: List, is_whole: bool
) -> None:
    """Push what is planned; a list whose ledger `is_whole` is told to the tool as a whole too."""
    _reopen(connection, target)
    batches = Batches(connection, tool, target)
    for leavers in (True, False, True):
        for taken, results in send_all(tool, batches.take_all(leavers), leavers=leavers):
            faults.point("activation.answered")
            record(connection, target, taken, results)
            faults.point("activation.recorded")
    if not is_whole:
        return
    night = Night(
        target.run_id, target.as_of, code_version(), lambda: _everybody(connection, target)
    )
    tool.finish(target.audience, night)


class Batches:
    """The batches of one list; the tool is prepared before the first that has anybody in it."""

    def __init__(self, connection: psycopg.Connection, tool: Destination, target: List) -> None:
        self.connection = connection
        self.tool = tool
        self.target = target
        self.count = 0
        self.is_prepared = False

    def take_all(self, leavers: bool) -> Iterator[Taken]:
        """Batches with people in them, until there is nobody left to take."""
        while True:
            _keep_statistics(self.connection, self.count)
            taken = take(self.connection, self.target, self.tool.batch_size, leavers)
            if taken is None:
                return
            self.count += 1
            if not taken.batch.people:
                continue
            self._prepare(leavers)
            faults.point("activation.intended")
            yield taken

    def _prepare(self, leavers: bool) -> None:
        """Where the tool refuses the list, people can leave it all the same."""
        if self.is_prepared:
            return
        try:
            self.tool.prepare(self.target.audience)
            self.is_prepared = True
        except (ConfigError, GiveUp) as error:
            if not leavers:
                raise
            log.warning("%s: only people who leave are sent: %s", self.tool.name, error)


def _keep_statistics(connection: psycopg.Connection, batches: int) -> None:
    """Let the planner know how large the tables have grown, after 0, 1, 2, 4, 8 … batches."""
    if batches & (batches - 1) == 0:
        connection.execute(
            "analyze activation.plan, activation.ledger, activation.not_sent, activation.receipts"
        )


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
            f"{destination}: run {newer[0]} for a later night has planned already; what run "
            f"{run_id} planned is out of date and is not pushed."
        )
    return connection.execute(
        "select segment, status from activation.sync_runs"
        " where destination = %s and run_id = %s order by segment",
        (destination, run_id),
    ).fetchall()


def _reopen(connection: psycopg.Connection, target: List) -> None:
    """What a killed push had taken is open again; the ledger still knows the intent."""
    with connection.transaction():
        connection.execute(
            "update activation.plan set state = 'open'"
            " where destination = %s and segment = %s and state = 'taken'",
            (target.destination, target.segment.key),
        )


def _close_run(
    connection: psycopg.Connection, target: List, status: str, error: str | None
) -> None:
    with connection.transaction():
        connection.execute(
            """
            update activation.sync_runs set status = %(status)s,
                error = coalesce(%(error)s, error), finished_at = clock_timestamp(),
                held = (select count(*) from activation.ledger
                    where destination = %(destination)s and segment = %(segment)s)
            where run_id = %(run_id)s and destination = %(destination)s
                and segment = %(segment)s
            """,
            {
                "status": status,
                "error": error,
                "run_id": target.run_id,
                "destination": target.destination,
                "segment": target.segment.key,
            },
        )
        if status != "failed":
            connection.execute(
                "update activation.approvals set state = 'used' where destination = %s"
                " and segment = %s and state = 'approved' and acted_on_by = %s",
                (target.destination, target.segment.key, target.run_id),
            )


def _everybody(connection: psycopg.Connection, target: List) -> Iterator[Person]:
    """Everybody on the list, by customer_id, in bounded memory."""
    with connection.transaction(), connection.cursor("everybody", row_factory=dict_row) as cursor:
        cursor.itersize = 5000
        cursor.execute(
            """
            select ledger.customer_id, ledger.remote_id, contact.email, contact.phone,
                contact.full_name, contact.user_id, member.traits
            from activation.ledger
            left join marts_pii.dim_customer_contacts as contact using (customer_id)
            left join segments.membership as member
                on member.segment = ledger.segment and member.customer_id = ledger.customer_id
                and member.left_at is null
            where ledger.destination = %s and ledger.segment = %s and ledger.state = 'sent'
            order by ledger.customer_id
            """,
            (target.destination, target.segment.key),
        )
        for row in cursor:
            yield Person(
                customer_id=row["customer_id"],
                remote_id=row["remote_id"],
                email=row["email"],
                phone=row["phone"] if target.segment.channel == "sms" else None,
                full_name=row["full_name"],
                user_id=row["user_id"] if target.segment.channel == "push" else None,
                traits=row["traits"] or {},
            )


def _audience(connection: psycopg.Connection, segment: Segment) -> Audience:
    types = membership.column_types(connection, segment)
    return segment.audience({column: types.get(column, "string") for column in segment.traits})

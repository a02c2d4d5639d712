"""Every list with a problem and its cause: orphaned, retired, unreadable, on hold or waiting.

The states come from rapport.yml and the segments' files as they are now, and from the newest plan.

>>> [str(found) for found in standings(connection, load(), load_settings())]  # doctest: +SKIP
['postbox/readers: waiting, 12 people. all 12 people would leave the list. `rapport approve …']
"""

from dataclasses import dataclass

import psycopg

from rapport.activation.ledger import people_on
from rapport.activation.lists import KnownList
from rapport.activation.planning.known_lists import all_lists
from rapport.activation.segments.declarations import Definitions
from rapport.activation.segments.definitions import recall
from rapport.settings import Settings

WORST_FIRST = ("orphaned", "unreadable", "refused", "waiting", "frozen", "retired")


@dataclass(frozen=True, slots=True)
class ListStanding:
    """A list with a problem: how many people the ledger has on it, the cause and what to do."""

    destination: str
    segment: str
    state: str
    people: int
    cause: str

    def __str__(self) -> str:
        name = f"{self.destination}/{self.segment}"
        return f"{name}: {self.state}, {self.people} people. {self.cause}"


def standings(
    connection: psycopg.Connection, definitions: Definitions, settings: Settings
) -> list[ListStanding]:
    """The lists that are not open, the worst first; none before the first plan."""
    enabled = list(settings.enabled("destinations"))
    turned_off = [name for name in settings.destinations if name not in enabled]
    planned = _newest_plan(connection)
    known = recall(connection, definitions)
    found = []
    for listed in all_lists(connection, known, enabled, turned_off):
        place = (listed.destination, listed.segment.key)
        state, cause = _standing(listed, *planned.get(place, ("open", None)))
        if state != "open":
            found.append(ListStanding(*place, state, people_on(connection, *place), cause))
    found.sort(key=lambda one: (WORST_FIRST.index(one.state), one.destination, one.segment))
    return found


def _standing(known: KnownList, planned_as: str, cause: str | None) -> tuple[str, str]:
    if known.standing == "orphaned":
        return "orphaned", str(known.cause)
    if planned_as == "waiting":
        return "waiting", f"{cause}. `rapport approve {known.segment.key}`"
    if known.standing == "unreadable":
        return "unreadable", f"{known.cause} People leave, nobody is added."
    if known.standing == "retired":
        return "retired", f"{known.cause}: the next run takes everybody off, or asks first."
    if planned_as in ("frozen", "refused"):
        return planned_as, str(cause)
    return "open", ""


def _newest_plan(connection: psycopg.Connection) -> dict[tuple[str, str], tuple[str, str | None]]:
    rows = connection.execute(
        """
        select destination, segment, plan_state, error from activation.sync_runs
        where plan_state is not null and run_id = (
            select run_id from activation.sync_runs where plan_state is not null
            order by as_of desc, started_at desc limit 1
        )
        """
    ).fetchall()
    return {(destination, key): (state, cause) for destination, key, state, cause in rows}

"""Every list there is: those that are declared, and those that only the ledger still knows.

A list that is declared no more is retired: whoever is on it leaves. That holds where its segment
has no file any more, where the segment names the destination no more, and where the destination is
turned off (`enabled: false`), which keeps what is needed to call it. A destination that is gone
from rapport.yml cannot be called: its lists are orphaned, and a person has to act.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import psycopg

from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.definitions import Known, retired

Standing = Literal["declared", "unreadable", "retired", "orphaned"]


# A million people are few lists: the index is asked for the next list, not for every row.
_IN_LEDGER = """
with recursive list as (
    (select destination, segment from activation.ledger order by destination, segment limit 1)
    union all
    select following.destination, following.segment
    from list
    cross join lateral (
        select ledger.destination, ledger.segment from activation.ledger
        where (ledger.destination, ledger.segment) > (list.destination, list.segment)
        order by ledger.destination, ledger.segment
        limit 1
    ) as following
)
select destination, segment from list
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list, by which definition it goes, and why where that is not tonight's file."""

    destination: str
    segment: Segment
    standing: Standing = "declared"
    cause: str | None = None

    @property
    def has_members(self) -> bool:
        """Whether somebody may stay on it."""
        return self.standing in ("declared", "unreadable")


def all_lists(
    connection: psycopg.Connection,
    known: Known,
    enabled: Collection[str],
    turned_off: Collection[str],
) -> list[Listed]:
    """The lists of the enabled destinations by priority, then what else stands in the ledger."""
    lists = [
        Listed(destination, segment, *_by_file(known, segment.key))
        for segment in known.segments.values()
        for destination in segment.destinations
        if destination in enabled
    ]
    declared = {(entry.destination, entry.segment.key) for entry in lists}
    reachable = {*enabled, *turned_off}
    return lists + [
        _undeclared(connection, known, destination, key, enabled, reachable)
        for destination, key in connection.execute(_IN_LEDGER).fetchall()
        if (destination, key) not in declared
    ]


def people_on(connection: psycopg.Connection, destination: str, key: str) -> int:
    """How many the ledger has on a list."""
    row = connection.execute(
        "select count(*) from activation.ledger where destination = %s and segment = %s",
        (destination, key),
    ).fetchone()
    assert row is not None
    return int(row[0])


def find(
    connection: psycopg.Connection,
    known: Known,
    destination: str,
    key: str,
    enabled: Collection[str],
) -> Listed:
    """One list, for the push of what was planned for it."""
    segment = known.segments.get(key)
    if segment and destination in segment.destinations and destination in enabled:
        return Listed(destination, segment, *_by_file(known, key))
    return _undeclared(connection, known, destination, key, enabled, [destination])


def _by_file(known: Known, key: str) -> tuple[Standing, str | None]:
    problem = known.unreadable.get(key)
    return ("declared", None) if problem is None else ("unreadable", problem)


def _undeclared(
    connection: psycopg.Connection,
    known: Known,
    destination: str,
    key: str,
    enabled: Collection[str],
    reachable: Collection[str],
) -> Listed:
    segment = retired(connection, known, destination, key)
    if destination not in reachable:
        people = people_on(connection, destination, key)
        return Listed(
            destination, segment, "orphaned",
            f"{people} people are still on the list at {destination}, which is not in rapport.yml: "
            f"it cannot be called, also not for people who say no. Write `{destination}: "
            "{enabled: false}` under destinations, then the next run takes them off; or take them "
            "off there by hand and delete the list's rows from activation.ledger.",
        )  # fmt: skip
    if destination in enabled and key in known.unreadable and key not in known.segments:
        # Nothing is known of it but its receipts: only who says no leaves.
        keeping = segment.model_copy(update={"mode": "upsert"})
        return Listed(destination, keeping, "unreadable", known.unreadable[key])
    if destination not in enabled:
        cause = f"{destination} is turned off in rapport.yml"
    elif key in known.segments:
        cause = f"the segment does not name {destination} any more"
    else:
        cause = "the segment has no file any more"
    return Listed(destination, segment, "retired", cause)

"""Every known list: those that are declared, and those that are only in the ledger.

A list that is no longer declared is retired: everybody on it leaves. A list is retired when its
segment has no file any more, when the segment no longer names the destination, or when the
destination is turned off (`enabled: false`), which keeps what is needed to call it. A destination
that is not in rapport.yml cannot be called: its lists are orphaned, and somebody has to act.

>>> lists = all_lists(connection, known, ["postbox"], turned_off=[])  # doctest: +SKIP
>>> [entry.sync_id for entry in lists]  # doctest: +SKIP
['postbox/payment_failed', 'postbox/readers']
"""

from collections.abc import Collection

import psycopg

from rapport.activation.ledger import people_on
from rapport.activation.lists import KnownList, Standing
from rapport.activation.segments.definitions import Known, retired

# The index gives the next list each time: a scan would read a million rows for a few lists.
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


def all_lists(
    connection: psycopg.Connection,
    known: Known,
    enabled: Collection[str],
    turned_off: Collection[str],
) -> list[KnownList]:
    """The lists of the enabled destinations by priority, then those that only the ledger has."""
    lists = [
        KnownList(destination, segment, *_by_file(known, segment.key))
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


def find(
    connection: psycopg.Connection,
    known: Known,
    destination: str,
    key: str,
    enabled: Collection[str],
) -> KnownList:
    """One list, for the push of its plan."""
    segment = known.segments.get(key)
    if segment and destination in segment.destinations and destination in enabled:
        return KnownList(destination, segment, *_by_file(known, key))
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
) -> KnownList:
    segment = retired(connection, known, destination, key)
    if destination not in reachable:
        people = people_on(connection, destination, key)
        return KnownList(
            destination, segment, "orphaned",
            f"{people} people are still on the list at {destination}, which is not in rapport.yml: "
            "it cannot be called, not even to take off people who refuse consent. Write "
            f"`{destination}: {{enabled: false}}` under destinations, then the next run takes "
            "them off; or take them off there by hand and delete the list's rows from "
            "activation.ledger.",
        )  # fmt: skip
    if destination in enabled and key in known.unreadable and key not in known.segments:
        # Only its receipts are known: customers who refuse consent leave, the others stay.
        keeping = segment.model_copy(update={"mode": "upsert"})
        return KnownList(destination, keeping, "unreadable", known.unreadable[key])
    if destination not in enabled:
        cause = f"{destination} is turned off in rapport.yml"
    elif key in known.segments:
        cause = f"the segment does not name {destination} any more"
    else:
        cause = "the segment has no file any more"
    return KnownList(destination, segment, "retired", cause)

"""The figures of identity resolution: customer sizes, merges, splits and excluded edges.

>>> audit(connection)["customers"]  # doctest: +SKIP
1893
"""

from itertools import pairwise
from typing import Any

import psycopg

Warehouse = psycopg.Connection[Any]
SIZES = (1, 2, 3, 4, 5, 10, 20, 50, 100, 1000)


def audit(warehouse: Warehouse, run_id: str | None = None, largest: int = 5) -> dict[str, Any]:
    """The figures of one run, by default of the last one. They hold no personal data.

    `share_of_ids_changed` is the share of profiles that moved to another customer id.
    `dangling_ids` counts members whose customer id has no alias. It must be 0.
    """
    row = warehouse.execute("select resolved_run_id, resolved_as_of from identity.state").fetchone()
    last, as_of = row or (None, None)
    run = run_id or last
    counted = dict(sizes(warehouse))
    log = warehouse.execute(LOGGED, [run]).fetchall()
    profiles = sum(size * count for size, count in counted.items())
    moved = sum(moved for _, _, moved in log)
    return {
        "run_id": run,
        "as_of": as_of.isoformat() if as_of and run == last else None,
        "profiles": profiles,
        "customers": sum(counted.values()),
        "probable_profiles": _one(warehouse, PROBABLE),
        "sizes": _histogram(counted),
        "largest": [
            {"customer_id": customer_id, "profiles": count}
            for customer_id, count in warehouse.execute(LARGEST, [largest]).fetchall()
        ],
        "tonight": {kind: count for kind, count, _ in log},
        "share_of_ids_changed": moved / profiles if profiles else 0.0,
        "excluded": dict(warehouse.execute(EXCLUDED).fetchall()),
        "former_ids": _one(warehouse, "select count(*) from identity.aliases")
        - sum(counted.values()),
        "dangling_ids": _one(warehouse, DANGLING),
    }


def sizes(warehouse: Warehouse) -> list[tuple[int, int]]:
    """The number of customers by number of profiles, as (profiles, customers), smallest first."""
    return [(size, count) for size, count in warehouse.execute(BY_SIZE).fetchall()]


def _one(warehouse: Warehouse, query: str) -> int:
    row = warehouse.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _histogram(sizes: dict[int, int]) -> list[dict[str, Any]]:
    """Customers by number of profiles, in the size classes of `SIZES`."""
    classes: list[dict[str, Any]] = []
    bounds = [*SIZES, max([*sizes, *SIZES]) + 1]
    for low, high in pairwise(bounds):
        count = sum(number for size, number in sizes.items() if low <= size < high)
        if count:
            classes.append({"from": low, "to": high - 1, "customers": count})
    return classes


BY_SIZE = """
select profiles, count(*) from (
    select count(*) as profiles from identity.members group by customer_id
) as customers
group by profiles
order by profiles
"""

PROBABLE = "select count(*) from identity.members where is_probable"

LARGEST = """
select customer_id, count(*) from identity.members
group by customer_id order by 2 desc, 1 limit %s
"""

LOGGED = """
select kind, count(*), sum(profiles)::bigint from identity.merge_log where run_id = %s group by kind
"""

EXCLUDED = """
select reason, count(*) from identity.excluded_edges group by reason order by 2 desc, 1
"""

DANGLING = """
select count(*) from identity.members
where not exists (
    select from identity.aliases
    where aliases.alias_id = members.customer_id and aliases.customer_id = members.customer_id
)
"""

"""Identity resolution: profiles that share identifiers become one customer with a stable id.

A run calls `normalise` before the dbt models tagged `identity`, and `resolve` after them.

>>> normalise(run_id="20260331T030000Z-01", as_of=as_of)  # doctest: +SKIP
>>> resolve(run_id="20260331T030000Z-01", as_of=as_of)  # doctest: +SKIP
{'total': 1893, 'new': 12, 'merged': 1, 'split': 0}
"""

from datetime import datetime
from typing import Any

import psycopg

__all__ = ["normalise", "resolve"]


def normalise(
    *, run_id: str, as_of: datetime, connection: psycopg.Connection[Any] | None = None
) -> dict[str, int]:
    """Give each new identifier its normal form and its key; returns the counts."""
    from rapport.identity.key_tables import normalise as run

    return run(run_id=run_id, as_of=as_of, connection=connection)


def resolve(
    *,
    run_id: str,
    as_of: datetime,
    full: bool = False,
    connection: psycopg.Connection[Any] | None = None,
) -> dict[str, int]:
    """Assign each profile to a customer; returns the customers total, new, merged and split.

    Only what changed since the last resolution is computed, unless `full`. Both give the same
    result. If `identity.matching` is on, profiles that share no identifier are matched first.
    """
    from rapport.identity.key_tables import connected
    from rapport.identity.matching import match
    from rapport.identity.resolver import resolve as run
    from rapport.identity.rules import load_rules
    from rapport.settings import load_settings

    rules = load_rules(load_settings().identity)
    with connected(connection) as warehouse:
        matched = match(run_id=run_id, as_of=as_of, rules=rules, connection=warehouse)
        counts = run(run_id=run_id, as_of=as_of, full=full, connection=warehouse)
        if matched:
            from rapport.identity.matching.review import export, review_path

            matched["to_review"] = export(warehouse, rules.matching, review_path())
    return matched | counts

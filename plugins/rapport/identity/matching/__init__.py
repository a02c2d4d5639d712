"""Probabilistic matching of profiles that share no identifier, by name, city and similar fields.

It is off unless `identity: {matching: {enabled: true}}`. A run reads the new and changed records,
scores each against the records that share a rare value, and stores the pairs from `review_at` on in
`identity.matches`. The resolver links them under its guards.

>>> match(run_id="20260331T030000Z-01", as_of=as_of, rules=load_rules())  # doctest: +SKIP
{'changed': 12, 'compared': 240, 'linked': 3, 'to_review': 1}
"""

import logging
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import psycopg

from rapport.errors import ConfigError
from rapport.identity.key_tables import connected
from rapport.identity.rules import Rules

log = logging.getLogger(__name__)


def match(
    *,
    run_id: str,
    as_of: datetime,
    rules: Rules,
    connection: psycopg.Connection[Any] | None = None,
) -> dict[str, int]:
    """Update `identity.matches` for the new and changed records; returns the counts.

    If matching is off, all earlier matches are deleted, which undoes them.
    """
    with connected(connection) as warehouse, warehouse.transaction():
        if not rules.matching.enabled:
            _forget(warehouse)
            return {}
        require_splink()
        from rapport.identity.matching import model, records

        changed = records.refresh(warehouse, rules.matching)
        counts = model.score(warehouse, rules.matching, run_id=run_id, as_of=as_of)
    counts = {"changed": changed, **counts}
    log.info("identity: run %s: records matched: %s", run_id, counts)
    return counts


def require_splink() -> None:
    """Raise `ConfigError` if the libraries for matching are not installed."""
    missing = [name for name in ("splink", "duckdb") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"rapport.yml: identity.matching.enabled is true, but {' and '.join(missing)} cannot "
            "be imported. Run `pip install splink duckdb`, or set enabled: false."
        )


def _forget(warehouse: psycopg.Connection[Any]) -> None:
    row = warehouse.execute(
        "select exists (select from identity.match_records)"
        " or exists (select from identity.match_model)"
    ).fetchone()
    if row and row[0]:
        warehouse.execute(
            "truncate identity.matches, identity.match_records, identity.match_keys,"
            " identity.match_model, identity.match_frequencies"
        )

"""Probabilistic matching: people who share no identifier, found by what they have in common.

Off unless `identity: {matching: {enabled: true}}`. A night reads the records that are new or
changed, scores them against those that share a rare enough value, and keeps the pairs that are
probable enough in `identity.matches`; the resolver links them under its guards.

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
    """Bring `identity.matches` up to date with tonight's records; returns the counts.

    Where matching is off, what an earlier night matched is forgotten, which undoes it.
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
    log.info("identity: %s: matching: %s", run_id, counts)
    return counts


def require_splink() -> None:
    """Raises `ConfigError` where the libraries of matching are not installed."""
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

"""Probabilistic matching of profiles that share no identifier, by name, birth date and address.

A run reads the new and changed records, scores each against the records that share a rare value,
and stores the pairs from `review_at` on in `identity.matches`. The resolver links the probable ones
under its guards.

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
        if not _has_contacts(warehouse) or not _is_installed(rules.matching.enabled is True):
            return {}
        from rapport.identity import name_clashes
        from rapport.identity.matching import model, records

        # A mailbox of two people joins nobody, so matching compares those who share it.
        name_clashes.find(warehouse)
        changed = records.refresh(warehouse)
        counts = model.score(warehouse, rules.matching, run_id=run_id, as_of=as_of)
    counts = {"changed": changed, **counts}
    log.info("identity: run %s: records matched: %s", run_id, counts)
    return counts


def _has_contacts(warehouse: psycopg.Connection[Any]) -> bool:
    row = warehouse.execute(
        "select to_regclass('intermediate.int_contacts_unioned') is not null"
    ).fetchone()
    return bool(row and row[0])


def _is_installed(is_required: bool) -> bool:
    """Whether the libraries of matching are there; `ConfigError` if they have to be."""
    missing = [name for name in ("duckdb", "jellyfish") if find_spec(name) is None]
    if missing and is_required:
        raise ConfigError(
            f"rapport.yml: identity.matching.enabled is true, but {' and '.join(missing)} cannot "
            "be imported. Run `pip install duckdb jellyfish`, or set enabled: false."
        )
    if missing:
        log.warning(
            "identity: matching is off: %s cannot be imported. Run `pip install duckdb jellyfish`.",
            " and ".join(missing),
        )
    return not missing


def _forget(warehouse: psycopg.Connection[Any]) -> None:
    row = warehouse.execute(
        "select exists (select from identity.match_records)"
        " or exists (select from identity.match_model)"
    ).fetchone()
    if row and row[0]:
        warehouse.execute(
            "truncate identity.matches, identity.match_records, identity.match_keys,"
            " identity.match_common_keys, identity.match_model, identity.match_frequencies"
        )

"""The steps of a run: pull before the build, then evaluate, plan, push and send alerts.

Each step takes the run's id and its logical time, opens the warehouse and reads the settings.

>>> push("20260331T030000Z-01", as_of, "postbox")  # doctest: +SKIP
{"payment_failed": {"members": 12, "added": 2, "removed": 1, "updated": 0, "sent": 11, ...}}
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg

from rapport.activation.answers import list_states
from rapport.activation.planning.plan import plan_lists
from rapport.activation.segments import membership, sizes
from rapport.activation.segments.declarations import load
from rapport.activation.segments.definitions import recall
from rapport.activation.segments.evaluation import evaluate_segment
from rapport.activation.segments.reading import Reader
from rapport.activation.sync import pull as pulling
from rapport.activation.sync import push as pushing
from rapport.activation.sync import refused_rows
from rapport.activation_options import load_options
from rapport.connectors import open_destination
from rapport.errors import ConfigError, GateFailed, GiveUp, RapportError
from rapport.identity.rules import load_rules
from rapport.quality import freshness
from rapport.settings import Settings, load_settings
from rapport.vendors.destination import Destination
from rapport.warehouse import connect, locks

log = logging.getLogger(__name__)


def pull(run_id: str, as_of: datetime) -> dict[str, dict[str, Any]]:
    """Pull the suppressions of every destination; counts by destination and kind.

    A destination that does not answer has a `problem` instead: nobody is added to its lists in this
    run, and the other destinations go on.
    """
    counts: dict[str, dict[str, Any]] = {}
    settings = load_settings()
    rules = load_rules(settings.identity)
    for name in settings.enabled("destinations"):
        problem = None
        with _connect() as connection:
            try:
                with _opened(name) as destination:
                    counts[name] = pulling.pull_destination(
                        connection, load(), destination, as_of, load_options().read_back_days,
                        region=settings.company.default_region, rules=rules,
                    )  # fmt: skip
            except RapportError as error:
                problem = str(error)
                log.error("%s: cannot be pulled: %s", name, problem)
                counts[name] = {"problem": problem}
            pulling.note(connection, name, as_of, problem)
    with _connect() as connection:
        connection.execute("analyze activation.suppressions")
    return counts


def evaluate(run_id: str, as_of: datetime) -> dict[str, dict[str, Any]]:
    """Bring `segments.membership` to what the SQL of each segment gives; counts by segment.

    A segment whose SQL fails is frozen. Raises `GateFailed` where there are no customers at all, so
    that no list is emptied.
    """
    settings, options, definitions = load_settings(), load_options(), load()
    enabled = settings.enabled("sources")
    providers = freshness.sources_of_entities(settings)
    counts: dict[str, dict[str, Any]] = {}
    with _connect() as connection, Reader(as_of) as reader:
        row = connection.execute("select exists (select from marts.dim_customers)").fetchone()
        if not row or not row[0]:
            raise GateFailed(
                "marts.dim_customers is empty: no segment is evaluated and every list stays as it "
                "is. Publish the marts first."
            )
        known = recall(connection, definitions)
        stale = freshness.stale_sources(connection, enabled, as_of, options.stale_after_hours)
        for segment in known.segments.values():
            frozen = freshness.stale_need(segment.needs, providers, stale)
            evaluation = evaluate_segment(
                connection, segment, options, run_id, as_of, reader, frozen
            )
            counts[segment.key] = asdict(evaluation)
            if (problem := known.unreadable.get(segment.key)) is not None:
                counts[segment.key]["frozen_because"] = problem
                sizes.note_problem(connection, segment.key, as_of, problem)
        if any(found["entered"] or found["left"] for found in counts.values()):
            membership.analyze(connection)
    for key, problem in known.unreadable.items():
        if key not in known.segments:
            name = f"seg_{key}"
            counts[name] = {"members": 0, "entered": 0, "left": 0, "frozen_because": problem}
    return counts


def plan(run_id: str, as_of: datetime) -> list[dict[str, Any]]:
    """Plan every list; one entry per segment and destination, with its state and counts."""
    settings = load_settings()
    names, off = settings.enabled("destinations"), turned_off(settings)
    with _connect() as connection:
        plans = plan_lists(connection, load(), list(names), load_options(), run_id, as_of, off)
    return [entry.as_dict() for entry in plans]


def push(run_id: str, as_of: datetime, destination: str) -> dict[str, dict[str, Any]]:
    """Send the plan of one destination; counts by segment."""
    is_off = destination in turned_off(load_settings())
    with _opened(destination) as opened, _connect() as connection:
        return pushing.push_destination(
            connection, load(), opened, load_options(), run_id, as_of, is_off
        )


def is_idle(run_id: str, as_of: datetime, destination: str) -> bool:
    """Whether a destination is turned off and has nobody left on a list."""
    if destination not in turned_off(load_settings()):
        return False
    with _connect() as connection:
        return not pushing.planned(connection, destination, run_id, as_of)


def judge(run_id: str, destination: str) -> dict[str, int]:
    """How many rows a destination refused in the run, by segment.

    Raises `GiveUp` where somebody must look; `rapport.activation.sync.refused_rows` says when.
    """
    with _connect() as connection:
        lists = refused_rows.of_destination(connection, run_id, destination)
    if sentences := list(refused_rows.to_look_at(lists, destination)):
        raise GiveUp("\n".join(sentences))
    return {found.segment: found.rows for found in lists}


def tell(run_id: str, as_of: datetime, send: Callable[[str], None]) -> list[str]:
    """Report lists that began to fail, recovered or wait for approval; each change once.

    `send` gets one text for all changes. If it raises, the next call reports them again.
    """
    with _connect() as connection:
        changes = list_states.changed(connection, load(), run_id, as_of)
        if changes:
            send("\n".join(map(str, changes)))
            list_states.mark_reported(connection, changes)
    return [str(change) for change in changes]


def turned_off(settings: Settings) -> list[str]:
    """The destinations with `enabled: false` in rapport.yml."""
    return [name for name in settings.destinations if name not in settings.enabled("destinations")]


@contextmanager
def _opened(name: str) -> Iterator[Destination]:
    settings = load_settings()
    if name not in settings.destinations:
        raise ConfigError(
            f'destination "{name}" is not in rapport.yml. '
            f"There are: {', '.join(settings.destinations) or 'none'}."
        )
    destination = open_destination(name, settings.destination_options(name))
    try:
        yield destination
    finally:
        destination.close()


@contextmanager
def _connect() -> Iterator[psycopg.Connection]:
    # An erasure waits until the step has ended: the step may write what it read before.
    with connect(autocommit=True) as connection, locks.shared(connection, "activation"):
        yield connection

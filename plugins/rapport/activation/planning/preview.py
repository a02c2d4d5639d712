"""The dry run: what a push would do now. Nothing is written or sent.

>>> preview(connection, "payment_failed")  # doctest: +SKIP
[{"destination": "postbox", "segment": "payment_failed", "add": 2, "samples": {"add": ["c_1"]}}]
"""

from datetime import datetime
from typing import Any

import psycopg

from rapport.activation.planning.plan import plan_lists
from rapport.activation.segments.declarations import load
from rapport.activation_options import load_options
from rapport.errors import ConfigError
from rapport.settings import load_settings

SAMPLE = 5
RUN = "dry run"


def last_evaluation(connection: psycopg.Connection) -> datetime:
    """The logical time of the last evaluation; raises `ConfigError` where there was none."""
    row = connection.execute("select max(as_of) from segments.sizes").fetchone()
    if row is None or row[0] is None:
        raise ConfigError("no segment was evaluated yet. Run `rapport run` first.")
    as_of: datetime = row[0]
    return as_of


def preview(connection: psycopg.Connection, segment: str | None = None) -> list[dict[str, Any]]:
    """The plan of each list with a few ids per operation; everything is rolled back."""
    as_of = last_evaluation(connection)
    settings = load_settings()
    destinations = list(settings.enabled("destinations"))
    off = [name for name in settings.destinations if name not in destinations]
    with connection.transaction(force_rollback=True):
        plans = plan_lists(connection, load(), destinations, load_options(), RUN, as_of, off)
        return [
            {**plan.as_dict(), "samples": _samples(connection, plan.destination, plan.segment)}
            for plan in plans
            if segment in (None, plan.segment)
        ]


def _samples(
    connection: psycopg.Connection, destination: str, segment: str
) -> dict[str, list[str]]:
    rows = connection.execute(
        """
        select op, (array_agg(customer_id order by customer_id))[1:%s] from activation.plan
        where destination = %s and segment = %s group by op order by op
        """,
        (SAMPLE, destination, segment),
    ).fetchall()
    return dict(rows)

"""The prediction step of a run: score with every model in turn, then build the marts.

>>> run(as_of)["churn"]["scored"]  # doctest: +SKIP
571
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rapport import warehouse
from rapport.predictions import fingerprint
from rapport.settings import load_settings
from rapport.transform import build


def run(as_of: datetime) -> dict[str, Any]:
    """Score all customers and build the dbt layer `predictions`; returns counts by model.

    `as_of` is in UTC. If time, data and code are unchanged, it returns `{"unchanged": True}`.
    """
    with warehouse.connect(application_name="predict") as connection:
        current = fingerprint.compute(connection, as_of)
        if fingerprint.is_current(connection, current):
            return {"unchanged": True}
        counts = _score(connection, as_of)
    counts["build"] = build("predictions", as_of=as_of)
    with warehouse.connect() as connection:
        fingerprint.store(connection, as_of, current)
    return counts


def _score(connection: Any, as_of: datetime) -> dict[str, Any]:
    # scipy takes a third of a second to import, which a run without changes can save.
    from rapport.predictions import churn, clv, contact_time, next_product, personas

    company = load_settings().company
    today = as_of.astimezone(ZoneInfo(company.timezone)).date()
    connection.execute("delete from predictions.standings")
    connection.execute("set local jit = off")
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "clv": lambda: clv.run(connection, as_of, today),
        "churn": lambda: churn.run(connection, as_of),
        "next_products": lambda: next_product.run(connection, as_of),
        "personas": lambda: personas.run(connection, as_of, company.currency),
        "contact_time": lambda: contact_time.run(connection, as_of, company.timezone),
    }
    counts: dict[str, Any] = {}
    for name, step in steps.items():
        started = time.monotonic()
        counts[name] = step()
        counts[name]["seconds"] = round(time.monotonic() - started, 2)
    return counts

"""Personas: each customer's dominant behaviour, such as `big_spender` or `newcomer`.

A trait is a score from 0 to 1: the customer's rank among all customers with a value above zero.
The breakpoints of the ranks stay fixed until the next fit. The persona is the highest trait. It
changes only when another trait is higher by `MARGIN`, so that small changes do not move anybody.

>>> sorted(PERSONAS)[:2]
['big_spender', 'help_seeker']
"""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions.backtest import Backtest, Figure, standard_error
from rapport.predictions.errors import TooFew
from rapport.predictions.store import Connection, read, refit, replace

Floats = NDArray[np.float64]

MODEL, VERSION, SCOPE = "personas", "1", "all"
PERSONAS = (
    "regular_buyer", "big_spender", "help_seeker", "window_shopper", "newcomer", "quiet",
)  # fmt: skip
MARGIN = 0.15
STANDS_OUT = 0.5
MIN_CUSTOMERS = 200
RANKED = ("orders_180d", "order_value_180d", "visits_90d", "conversations_180d")
LATER = ("orders_later", "visits_later", "conversations_later")
NEW_DAYS, QUIET_AFTER, QUIET_FULLY = 30.0, 30.0, 120.0

TRAITS = """
with touched as (
    select
        customer_id,
        count(*) filter (
            where kind = 'order' and status = 'paid'
            and occurred_at > %(at)s - interval '180 days'
        ) as orders_180d,
        count(*) filter (
            where kind = 'web_session' and occurred_at > %(at)s - interval '90 days'
        ) as visits_90d,
        count(*) filter (
            where kind = 'conversation' and occurred_at > %(at)s - interval '180 days'
        ) as conversations_180d,
        extract(epoch from %(at)s - min(occurred_at)) / 86400 as tenure_days,
        extract(epoch from %(at)s - max(occurred_at)) / 86400 as quiet_days
    from build.fct_touchpoints
    where
        occurred_at > timestamptz '1990-01-01T00:00:00Z' and occurred_at <= %(at)s
        and kind <> 'message' and not (kind = 'order' and status = 'refunded')
    group by customer_id
),

spent as (
    select customer_id, (sum(amount) / count(*))::double precision as order_value_180d
    from build.fct_orders
    where
        is_purchase and currency = %(currency)s
        and ordered_at > %(at)s - interval '180 days' and ordered_at <= %(at)s
    group by customer_id
),

later as (
    select
        customer_id,
        count(*) filter (where kind = 'order') as orders_later,
        count(*) filter (where kind = 'web_session') as visits_later,
        count(*) filter (where kind = 'conversation') as conversations_later
    from build.fct_touchpoints
    where
        occurred_at > %(at)s and occurred_at <= %(later)s
        and not (kind = 'order' and status <> 'paid')
    group by customer_id
)

select
    touched.*,
    coalesce(spent.order_value_180d, 0) as order_value_180d,
    coalesce(later.orders_later, 0) as orders_later,
    coalesce(later.visits_later, 0) as visits_later,
    coalesce(later.conversations_later, 0) as conversations_later
from touched
inner join build.dim_customers using (customer_id)
left join spent using (customer_id)
left join later using (customer_id)
order by touched.customer_id
"""

# The personas before `as_of`. A repeated run gets the same answer, and so does a run in the past.
PREVIOUS = """
select customer_id, persona, since
from predictions.persona_stays
where since < %(as_of)s and (until is null or until >= %(as_of)s)
"""
TAKE_BACK = "delete from predictions.persona_stays where since >= %(as_of)s"
REOPEN = "update predictions.persona_stays set until = null where until >= %(as_of)s"
CLOSE = """
update predictions.persona_stays as stay
set until = %(as_of)s
where
    until is null
    and not exists (
        select from predictions.personas
        where personas.customer_id = stay.customer_id and personas.persona = stay.persona
    )
"""
OPEN = """
insert into predictions.persona_stays (customer_id, persona, since)
select customer_id, persona, since
from predictions.personas
where not exists (
    select from predictions.persona_stays as stay
    where stay.customer_id = personas.customer_id and stay.until is null
)
"""


def run(connection: Connection, as_of: datetime, currency: str) -> dict[str, Any]:
    """Refit where due and choose a persona for every customer; returns counts.

    `currency` is the company's: orders in other currencies do not count for `big_spender`.
    """
    current = traits(connection, as_of, as_of, currency)

    def fit() -> tuple[dict[str, Any], Backtest]:
        at = as_of - timedelta(days=30)
        return estimate(current), judge(traits(connection, at, as_of, currency), current)

    standing = refit(
        connection, MODEL, SCOPE, as_of=as_of, events=len(current), version=VERSION, fit=fit
    )
    if not standing.is_usable or standing.parameters is None:
        connection.execute("delete from predictions.personas")
        update_stays(connection, as_of)
        return {"customers": 0, "changed": 0}
    before = read(connection, PREVIOUS, as_of=as_of)
    known = current[["customer_id"]].merge(before, on="customer_id", how="left")
    scores = score(current, standing.parameters)
    chosen = choose(scores, known["persona"])
    stays = (known["persona"] == chosen).to_numpy()
    since = known["since"].where(stays, as_of.isoformat())
    names = pd.Series([_outstanding(row) for row in scores])
    frame = pd.DataFrame(
        {
            "customer_id": current["customer_id"],
            "persona": chosen,
            "traits": names,
            "since": since,
        }
    )
    replace(connection, "personas", frame)
    update_stays(connection, as_of)
    return {"customers": len(frame), "changed": int((~stays & known["persona"].notna()).sum())}


def update_stays(connection: Connection, as_of: datetime) -> None:
    """Update the history of personas at `as_of`, and undo what an earlier try of it wrote."""
    for statement in (TAKE_BACK, REOPEN, CLOSE, OPEN):
        connection.execute(statement, {"as_of": as_of})
    connection.execute("analyze predictions.persona_stays")


def traits(connection: Connection, at: datetime, later: datetime, currency: str) -> pd.DataFrame:
    """The behaviour of each customer up to `at`, and between `at` and `later` (both UTC)."""
    return read(connection, TRAITS, at=at, later=later, currency=currency)


def estimate(frame: pd.DataFrame) -> dict[str, Any]:
    """The breakpoints of each ranked column: 21 quantiles of the values above 0.

    Raises `TooFew`.
    """
    if len(frame) < MIN_CUSTOMERS:
        raise TooFew(f"{len(frame)} customers; at least {MIN_CUSTOMERS} are needed.")
    steps = np.linspace(0, 1, 21)
    result = {}
    for name in RANKED:
        some = frame.loc[frame[name] > 0, name].to_numpy(float)
        result[name] = np.quantile(some, steps).tolist() if len(some) else []
    return result


def score(frame: pd.DataFrame, breakpoints: dict[str, Any]) -> Floats:
    """The traits of each customer, from 0 to 1: one row per customer, one column per persona."""
    rank = {name: _rank(frame[name].to_numpy(float), breakpoints[name]) for name in RANKED}
    orders, tenure = frame["orders_180d"].to_numpy(), frame["tenure_days"].to_numpy(float)
    gone = (frame["quiet_days"].to_numpy(float) - QUIET_AFTER) / (QUIET_FULLY - QUIET_AFTER)
    return np.column_stack(
        [
            np.where(orders >= 2, rank["orders_180d"], 0),
            np.where(orders >= 1, rank["order_value_180d"], 0),
            rank["conversations_180d"],
            np.where(orders == 0, rank["visits_90d"], 0),
            np.clip(1 - tenure / NEW_DAYS, 0, 1),
            np.clip(gone, 0, 1),
        ]
    )


def _rank(values: Floats, breakpoints: list[float]) -> Floats:
    """The rank of each value on the breakpoints, from 0 to 1; 0 for a value of 0."""
    if not breakpoints:
        return np.zeros(len(values))
    low = np.searchsorted(breakpoints, values, "left")
    high = np.searchsorted(breakpoints, values, "right")
    return np.asarray(np.where(values > 0, (low + high) / 2 / len(breakpoints), 0))


def choose(scores: Floats, current: "pd.Series[str]") -> NDArray[Any]:
    """The persona of each customer: the current one, unless another is higher by `MARGIN`.

    A customer without any trait is `quiet`. Ties go by the order of `PERSONAS`.
    """
    names = np.array(PERSONAS, dtype=object)
    best = np.where(scores.max(axis=1) > 0, scores.argmax(axis=1), len(PERSONAS) - 1)
    now = pd.Index(PERSONAS).get_indexer(pd.Index(current))
    everybody = np.arange(len(scores))
    here = np.where(now >= 0, scores[everybody, np.maximum(now, 0)], 0.0)
    keeps = (now >= 0) & (scores[everybody, best] < here + MARGIN)
    return np.asarray(names[np.where(keeps, now, best)])


def _outstanding(row: Floats) -> str:
    """The traits of at least `STANDS_OUT`, strongest first, as a Postgres array literal."""
    order = np.argsort(-row, kind="stable")
    return "{" + ",".join(PERSONAS[number] for number in order if row[number] >= STANDS_OUT) + "}"


def judge(before: pd.DataFrame, current: pd.DataFrame) -> Backtest:
    """Backtest: how well personas explain what customers do next, and how stable they are.

    The decisive figure is the variance of later orders, visits and conversations that lies between
    personas. The baseline splits customers by whether they bought in the last 180 days. The second
    figure is the share that changes persona in 30 days, with and without the margin.
    """
    breakpoints = estimate(before)
    scores = score(before, breakpoints)
    earlier = choose(scores, pd.Series([None] * len(before), dtype=object))
    bought = (before["orders_180d"] > 0).to_numpy()
    known = current[["customer_id"]].merge(
        before[["customer_id"]].assign(persona=earlier), on="customer_id", how="left"
    )
    now = score(current, breakpoints)
    old = known["persona"].notna().to_numpy()
    loose = choose(now, pd.Series([None] * len(now), dtype=object))
    held = choose(now, known["persona"])
    was = known["persona"].to_numpy()
    return Backtest(
        [
            _variance_explained(before, earlier, bought),
            Figure(
                "share_changed_in_30_days",
                float(np.mean(held[old] != was[old])) if old.any() else float("nan"),
                float(np.mean(loose[old] != was[old])) if old.any() else float("nan"),
            ),
        ]
    )


def _variance_explained(frame: pd.DataFrame, ours: Any, rule: Any) -> Figure:
    """The share of variance between groups (eta squared), as the mean over the later columns."""
    names = [name for name in LATER if frame[name].any()]
    left = np.zeros((2, len(frame)))
    for name in names:
        values = pd.Series(np.log1p(frame[name].to_numpy(float)))
        for number, groups in enumerate((ours, rule)):
            means = values.groupby(np.asarray(groups)).transform("mean")
            left[number] += ((values - means) ** 2 / values.var(ddof=0)).to_numpy() / len(names)
    if not names:
        return Figure("variance_explained", float("nan"), float("nan"), 1)
    value, baseline = (1 - left.mean(axis=1)).tolist()
    return Figure("variance_explained", value, baseline, 1, standard_error(left[1] - left[0]))

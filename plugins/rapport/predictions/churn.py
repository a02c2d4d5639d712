"""The chance that somebody leaves: that no subscription runs on, else that nothing is bought.

Two kinds, each with a model of its own. `contractual`: somebody with a running subscription has
none `HORIZON` days later. `inactivity`: somebody without one, whose last paid order is younger than
the declared inactivity, buys nothing in the time ahead.

The plain rule knows one thing: contractual, whether a payment failed lately; inactivity, how many
months ago the last order was. It gives everybody the share that left in their group, or the share
of all where that is nearer to what came.
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions import logistic
from rapport.predictions.errors import TooFew
from rapport.predictions.quality import (
    Backtest,
    Figure,
    auc,
    calibration_error,
    log_losses,
    standard_error,
    tenths,
)  # fmt: skip
from rapport.predictions.store import Connection, Standing, read, refit, replace
from rapport.transform.project_variables import read_variable

Floats = NDArray[np.float64]

MODEL, VERSION = "churn", "1"
KINDS = ("contractual", "inactivity")
HORIZON = timedelta(days=30)
LEAST_EACH = 20  # who left and who stayed, at least

FEATURES = (
    "tenure_days", "orders_90d", "days_since_order", "visits_30d", "visits_90d",
    "days_since_visit", "conversations_60d", "failed_payments_60d",
)  # fmt: skip

CANDIDATES = """
with subscribed as (
    select
        customer_id,
        bool_or(started_at <= %(at)s and coalesce(ended_at > %(at)s, true)) as is_active,
        bool_or(started_at <= %(later)s and coalesce(ended_at > %(later)s, true)) as goes_on
    from build.fct_subscriptions
    where customer_id is not null
    group by customer_id
),

touched as (
    select
        customer_id,
        count(*) filter (
            where kind = 'order' and occurred_at > %(at)s - interval '90 days'
        ) as orders_90d,
        count(*) filter (
            where kind = 'web_session' and occurred_at > %(at)s - interval '30 days'
        ) as visits_30d,
        count(*) filter (
            where kind = 'web_session' and occurred_at > %(at)s - interval '90 days'
        ) as visits_90d,
        count(*) filter (
            where kind = 'conversation' and occurred_at > %(at)s - interval '60 days'
        ) as conversations_60d,
        count(*) filter (
            where kind = 'payment' and status = 'failed'
            and occurred_at > %(at)s - interval '60 days'
        ) as failed_payments_60d,
        min(occurred_at) as first_at,
        max(occurred_at) filter (where kind = 'order') as last_order_at,
        max(occurred_at) filter (where kind = 'web_session') as last_visit_at
    from build.fct_touchpoints
    where
        occurred_at > timestamptz '1990-01-01T00:00:00Z' and occurred_at <= %(at)s
        and not (kind = 'order' and status <> 'paid') and kind <> 'message'
    group by customer_id
),

bought_later as (
    select distinct customer_id from build.fct_orders
    where status = 'paid' and ordered_at > %(at)s and ordered_at <= %(later)s
)

select
    touched.customer_id,
    case when subscribed.is_active then 'contractual' else 'inactivity' end as kind,
    extract(epoch from %(at)s - touched.first_at) / 86400 as tenure_days,
    touched.orders_90d,
    least(coalesce(extract(epoch from %(at)s - last_order_at) / 86400, 365), 365)
    as days_since_order,
    touched.visits_30d,
    touched.visits_90d,
    least(coalesce(extract(epoch from %(at)s - last_visit_at) / 86400, 365), 365)
    as days_since_visit,
    touched.conversations_60d,
    touched.failed_payments_60d,
    case
        when subscribed.is_active then not coalesce(subscribed.goes_on, false)
        else bought_later.customer_id is null
    end::integer as has_left
from touched
left join subscribed using (customer_id)
left join bought_later using (customer_id)
where subscribed.is_active or touched.last_order_at > %(at)s - %(inactivity)s
order by touched.customer_id
"""


def run(connection: Connection, as_of: datetime) -> dict[str, Any]:
    """Refit where due and score everybody who can leave; returns counts."""
    tonight = candidates(connection, as_of, as_of)
    parts = []
    for kind in KINDS:
        rows = tonight[tonight["kind"] == kind]

        def fit(kind: str = kind) -> tuple[dict[str, Any], Backtest]:
            return _fit(connection, as_of, kind)

        standing = refit(
            connection, MODEL, kind, as_of=as_of, events=len(rows), version=VERSION, fit=fit
        )
        parts.append(rows.assign(churn_probability=_probabilities(rows, standing)))
    scores = pd.concat(parts)[["customer_id", "kind", "churn_probability"]]
    replace(connection, "churn_scores", scores)
    return {"customers": len(scores), "scored": int(scores["churn_probability"].notna().sum())}


def candidates(connection: Connection, at: datetime, later: datetime) -> pd.DataFrame:
    """Who could leave at a moment, what was known of them then, and whether they had left later."""
    inactivity = timedelta(days=read_variable("inactivity_days"))
    return read(connection, CANDIDATES, at=at, later=later, inactivity=inactivity)


def _fit(connection: Connection, as_of: datetime, kind: str) -> tuple[dict[str, Any], Backtest]:
    """Learn from the month before last, judge on the last; then learn from the last."""
    windows = []
    for number in (2, 1):
        at = as_of - number * HORIZON
        frame = candidates(connection, at, at + HORIZON)
        windows.append(frame[frame["kind"] == kind].reset_index(drop=True))
    before, after = windows
    backtest = judge(before, after)
    left = float(after["has_left"].mean())
    return {**asdict(estimate(after)), "base_rate": left, "horizon_days": HORIZON.days}, backtest


def features(frame: pd.DataFrame) -> Floats:
    """The declared features: log(1 + value), since the second visit tells more than the 20th."""
    return np.asarray(np.log1p(np.maximum(frame[list(FEATURES)].to_numpy(float), 0)))


def estimate(frame: pd.DataFrame) -> logistic.Logistic:
    """The model of a window; raises `TooFew` or `NoFit`."""
    happened = frame["has_left"].to_numpy(float)
    left, stayed = int(happened.sum()), int((1 - happened).sum())
    if min(left, stayed) < LEAST_EACH:
        raise TooFew(f"{left} left and {stayed} stayed: {LEAST_EACH} of each are needed")
    return logistic.fit(features(frame), happened)


def plain_rule(before: pd.DataFrame, after: pd.DataFrame) -> Floats:
    """The share that left in the time before, in the group that each belongs to."""

    def group(frame: pd.DataFrame) -> "pd.Series[int]":
        months = (frame["days_since_order"] // 30).clip(upper=3).astype(int)
        is_contract = frame["kind"] == "contractual"
        return months.where(~is_contract, -1 - (frame["failed_payments_60d"] > 0).astype(int))

    rates = before.groupby(group(before))["has_left"].mean()
    return np.asarray(group(after).map(rates).fillna(before["has_left"].mean()), float)


def judge(before: pd.DataFrame, after: pd.DataFrame) -> Backtest:
    """What the model of the time before says about the time after, and what the rule says."""
    predicted = estimate(before).probability(features(after))
    seen = after["has_left"].to_numpy(float)
    everybody = np.full(len(after), before["has_left"].mean())
    # A rule that splits too finely loses to the share of everybody, and would be easy to beat.
    plain = min(plain_rule(before, after), everybody, key=lambda rule: ((rule - seen) ** 2).mean())
    if not 0 < seen.sum() < len(seen):
        raise TooFew("everybody or nobody left in the hold-out: nothing to judge by")
    parts, others = tenths(predicted, seen), tenths(plain, seen)
    squares = [(said - seen) ** 2 for said in (predicted, plain)]
    losses = [log_losses(said, seen) for said in (predicted, plain)]
    return Backtest(
        [
            Figure("brier_score", *_means(squares), -1, standard_error(squares[0] - squares[1])),
            Figure("log_loss", *_means(losses), -1, standard_error(losses[0] - losses[1])),
            Figure("auc", auc(predicted, seen), auc(plain, seen)),
            Figure("calibration_error", calibration_error(parts), calibration_error(others)),
            Figure(
                "share_of_leavers_in_highest_tenth",
                parts[0].share_of_actual or 0.0,
                others[0].share_of_actual,
            ),
        ],
        parts,
    )


def _means(columns: list[Floats]) -> tuple[float, float]:
    return float(columns[0].mean()), float(columns[1].mean())


def _probabilities(rows: pd.DataFrame, standing: Standing) -> Floats:
    if not standing.speaks or standing.parameters is None:
        return np.full(len(rows), np.nan)
    names = ("intercept", "weights", "means", "deviations")
    model = logistic.Logistic(**{name: standing.parameters[name] for name in names})
    return model.probability(features(rows))

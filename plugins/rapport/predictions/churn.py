"""Churn: the probability that a customer leaves within the next 30 days.

There are two kinds of churn, each with its own logistic regression:

- `contractual`: a customer with an active subscription has none `HORIZON` days later.
- `inactivity`: a customer without a subscription, whose last paid order is younger than
  `INACTIVITY`, places no paid order within `HORIZON`.

The baseline groups customers by one fact: whether a payment failed lately (contractual), or the
months since the last order (inactivity). It predicts the churn rate of the group, or the overall
rate where that is closer to what happened.

>>> churn.run(connection, as_of)  # doctest: +SKIP
{'customers': 571, 'scored': 571}
"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions import logistic
from rapport.predictions.backtest import (
    Backtest,
    Figure,
    auc,
    calibration_error,
    deciles,
    log_losses,
    standard_error,
)  # fmt: skip
from rapport.predictions.errors import TooFew
from rapport.predictions.store import Connection, Standing, read, refit, replace
from rapport.transform.project_variables import read_variable

Floats = NDArray[np.float64]

MODEL, VERSION = "churn", "1"
KINDS = ("contractual", "inactivity")
HORIZON = timedelta(days=30)
MIN_EACH = 20  # the fewest customers who left, and the fewest who stayed, to fit a model

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
    where is_purchase and ordered_at > %(at)s and ordered_at <= %(later)s
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
    """Refit the models that are due and score every customer who can leave; returns counts."""
    current = candidates(connection, as_of, as_of)
    parts = []
    for kind in KINDS:
        rows = current[current["kind"] == kind]

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
    """Customers who could leave at `at`: one row each with their features and `has_left` (0 or 1).

    `has_left` says whether they had left by `later`. Both times are in UTC.
    """
    inactivity = timedelta(days=read_variable("inactivity_days"))
    return read(connection, CANDIDATES, at=at, later=later, inactivity=inactivity)


def _fit(connection: Connection, as_of: datetime, kind: str) -> tuple[dict[str, Any], Backtest]:
    """Train on the month before last, test on the last month, then train on the last month."""
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
    """The columns `FEATURES` as log(1 + value): the second visit says more than the 20th."""
    return np.asarray(np.log1p(np.maximum(frame[list(FEATURES)].to_numpy(float), 0)))


def estimate(frame: pd.DataFrame) -> logistic.Logistic:
    """Fit the model on the candidates of one window; raises `TooFew` or `NoFit`."""
    happened = frame["has_left"].to_numpy(float)
    left, stayed = int(happened.sum()), int((1 - happened).sum())
    if min(left, stayed) < MIN_EACH:
        raise TooFew(
            f"{left} customers left and {stayed} stayed; at least {MIN_EACH} of each are needed."
        )
    return logistic.fit(features(frame), happened)


def group_rates(before: pd.DataFrame, after: pd.DataFrame) -> Floats:
    """The baseline for each row of `after`: the share of its group that left in `before`."""

    def group(frame: pd.DataFrame) -> "pd.Series[int]":
        months = (frame["days_since_order"] // 30).clip(upper=3).astype(int)
        is_contract = frame["kind"] == "contractual"
        return months.where(~is_contract, -1 - (frame["failed_payments_60d"] > 0).astype(int))

    rates = before.groupby(group(before))["has_left"].mean()
    return np.asarray(group(after).map(rates).fillna(before["has_left"].mean()), float)


def judge(before: pd.DataFrame, after: pd.DataFrame) -> Backtest:
    """Backtest: fit on `before`, predict `after`, and compare with the baseline."""
    predicted = estimate(before).probability(features(after))
    actual = after["has_left"].to_numpy(float)
    overall = np.full(len(after), before["has_left"].mean())
    # Groups that are too small do worse than the overall rate and would be too easy to beat.
    plain = min(
        group_rates(before, after), overall, key=lambda rates: ((rates - actual) ** 2).mean()
    )
    if not 0 < actual.sum() < len(actual):
        raise TooFew("Either all or none of the customers left in the hold-out period.")
    parts, others = deciles(predicted, actual), deciles(plain, actual)
    squares = [(forecast - actual) ** 2 for forecast in (predicted, plain)]
    losses = [log_losses(forecast, actual) for forecast in (predicted, plain)]
    return Backtest(
        [
            Figure("brier_score", *_means(squares), -1, standard_error(squares[0] - squares[1])),
            Figure("log_loss", *_means(losses), -1, standard_error(losses[0] - losses[1])),
            Figure("auc", auc(predicted, actual), auc(plain, actual)),
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
    if not standing.is_usable or standing.parameters is None:
        return np.full(len(rows), np.nan)
    names = ("intercept", "weights", "means", "deviations")
    model = logistic.Logistic(**{name: standing.parameters[name] for name in names})
    return model.probability(features(rows))

"""Churn: the probability that a customer leaves within the next 30 days.

There are two kinds of churn, each with a model of its own (`churn_model`):

- `contractual`: a customer with an active subscription has none `HORIZON` days later.
- `inactivity`: a customer without a subscription, whose last paid order is younger than
  `INACTIVITY`, places no paid order within `HORIZON`.

A model is trained on the months before the last and judged on the last one. It must beat the best
rule of a single column (`single_rules`), else nothing is published.

>>> churn.run(connection, as_of)  # doctest: +SKIP
{'customers': 571, 'scored': 571}
"""

import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rapport.predictions import churn_model, single_rules
from rapport.predictions.backtest import (
    Backtest,
    Figure,
    auc,
    auc_noise,
    calibration_error,
    deciles,
    log_losses,
    standard_error,
)  # fmt: skip
from rapport.predictions.churn_model import FEATURES, ChurnModel
from rapport.predictions.errors import TooFew
from rapport.predictions.store import Connection, Standing, read, refit, replace
from rapport.transform.project_variables import read_variable

__all__ = ["FEATURES", "candidates", "estimate", "judge", "run"]

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]

MODEL, VERSION = "churn", "2"
KINDS = ("contractual", "inactivity")
HORIZON = timedelta(days=30)
MONTHS = 4  # whose customers a model learns from; the last one judges it first
MIN_EACH = 20  # the fewest customers who left, and the fewest who stayed, to fit a model

CANDIDATES = """
with contracts as (
    select
        *,
        started_at <= %(at)s and coalesce(ended_at > %(at)s, true) as is_running,
        started_at <= %(later)s and coalesce(ended_at > %(later)s, true) as goes_on
    from build.fct_subscriptions
    where customer_id is not null
),

-- Only the latest amount of a contract is known. One of 0 may have been set when it ended, so the
-- usual amount of its plan stands for it.
usual as (
    select
        currency,
        plan,
        grouping(plan) = 1 as is_of_all,
        percentile_cont(0.5) within group (order by amount) as amount
    from contracts
    where is_running and amount > 0
    group by grouping sets ((currency), (currency, plan))
),

priced as (
    select
        contracts.*,
        coalesce(
            nullif(greatest(contracts.amount, 0), 0)::double precision / nullif(of_all.amount, 0),
            of_plan.amount / nullif(of_all.amount, 0),
            1
        ) as relative_amount
    from contracts
    left join usual as of_all
        on contracts.currency is not distinct from of_all.currency and of_all.is_of_all
    left join usual as of_plan
        on contracts.currency is not distinct from of_plan.currency
        and contracts.plan = of_plan.plan and not of_plan.is_of_all
    where contracts.is_running or contracts.goes_on
),

subscribed as (
    select
        customer_id,
        bool_or(is_running) as is_active,
        bool_or(goes_on) as goes_on,
        count(*) filter (where is_running) as subscriptions,
        min(started_at) filter (where is_running) as contract_from,
        sum(relative_amount) filter (where is_running) as relative_amount,
        (array_agg(plan order by started_at desc, subscription_id) filter (where is_running))[1]
        as plan
    from priced
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
        max(occurred_at) filter (
            where kind in ('order', 'web_session', 'conversation', 'survey_response')
        ) as last_seen_at,
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
    coalesce(extract(epoch from %(at)s - subscribed.contract_from) / 86400, 0) as contract_days,
    coalesce(subscribed.subscriptions, 0) as subscriptions,
    coalesce(subscribed.relative_amount, 0) as relative_amount,
    least(coalesce(extract(epoch from %(at)s - last_seen_at) / 86400, 365), 365)
    as days_since_seen,
    case when subscribed.is_active then subscribed.plan end as plan,
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
    """Train on the months before the last, judge on the last one, then train on all of them."""
    months = []
    for number in range(MONTHS, 0, -1):
        at = as_of - number * HORIZON
        frame = candidates(connection, at, at + HORIZON)
        months.append(frame[frame["kind"] == kind])
    before, after = pd.concat(months[:-1], ignore_index=True), months[-1].reset_index(drop=True)
    backtest = judge(before, after)
    model = estimate(pd.concat(months, ignore_index=True))
    left = float(after["has_left"].mean())
    return {**asdict(model), "base_rate": left, "horizon_days": HORIZON.days}, backtest


def estimate(frame: pd.DataFrame) -> ChurnModel:
    """Fit the model on candidates; raises `TooFew`."""
    _check_enough(frame)
    return churn_model.fit(frame)


def judge(before: pd.DataFrame, after: pd.DataFrame) -> Backtest:
    """Backtest: fit on `before`, predict `after`, and compare with the best rule of one column.

    By each figure the best of the rules is taken as they turned out, which makes them hard to beat.
    """
    _check_enough(after)
    predicted = estimate(before).probability(after)
    actual = after["has_left"].to_numpy(float)
    rules = single_rules.forecasts(before, after)
    squares = {name: (rates - actual) ** 2 for name, rates in rules.items()}
    losses = {name: log_losses(rates, actual) for name, rates in rules.items()}
    areas = {name: auc(rates, actual) for name, rates in rules.items()}
    by_square = min(squares, key=lambda name: squares[name].mean())
    by_loss = min(losses, key=lambda name: losses[name].mean())
    by_area = max(areas, key=lambda name: areas[name])
    log.info("The best rules of one column are %s, %s and %s", by_square, by_loss, by_area)
    own_squares, own_losses = (predicted - actual) ** 2, log_losses(predicted, actual)
    parts, others = deciles(predicted, actual), deciles(rules[by_square], actual)
    return Backtest(
        [
            _lower("brier_score", own_squares, squares[by_square]),
            _lower("log_loss", own_losses, losses[by_loss]),
            Figure(
                "auc", auc(predicted, actual), areas[by_area], 1,
                auc_noise(predicted, rules[by_area], actual),
            ),
            Figure("calibration_error", calibration_error(parts), calibration_error(others)),
            Figure(
                "share_of_leavers_in_highest_tenth",
                parts[0].share_of_actual or 0.0,
                others[0].share_of_actual,
            ),
        ],
        parts,
    )  # fmt: skip


def _lower(metric: str, ours: Floats, theirs: Floats) -> Figure:
    """The decisive figure of a mean error by customer; lower is better."""
    return Figure(
        metric, float(ours.mean()), float(theirs.mean()), -1, standard_error(ours - theirs)
    )


def _check_enough(frame: pd.DataFrame) -> None:
    left = int(frame["has_left"].sum())
    stayed = len(frame) - left
    if min(left, stayed) < MIN_EACH:
        raise TooFew(
            f"{left} customers left and {stayed} stayed; at least {MIN_EACH} of each are needed."
        )


def _probabilities(rows: pd.DataFrame, standing: Standing) -> Floats:
    if not standing.is_usable or standing.parameters is None:
        return np.full(len(rows), np.nan)
    names = ChurnModel.__slots__
    return ChurnModel(**{name: standing.parameters[name] for name in names}).probability(rows)

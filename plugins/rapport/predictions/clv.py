"""Customer lifetime value: expected orders (BG/NBD) times their expected value (Gamma-Gamma).

Fitted and told for each currency by itself; time is in weeks. Not discounted, revenue and not
margin. The plain rule: everybody goes on at the pace and the mean value they had so far. Where the
hold-out shows that values do not follow Gamma-Gamma, every order is expected at the mean.
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from rapport.predictions import bg_nbd, gamma_gamma, histories
from rapport.predictions.bg_nbd import BgNbd, Histories
from rapport.predictions.errors import TooFew
from rapport.predictions.gamma_gamma import GammaGamma
from rapport.predictions.quality import Backtest, Figure, by_squares, rmse, tenths
from rapport.predictions.store import Connection, Standing, read, refit, replace

MODEL, VERSION = "clv", "1"
LEAST_CUSTOMERS, LEAST_REPEATERS = 100, 50
TOLERATED = 0.25  # by so much the sum of all values may be off, even where the rule is nearer
LONGEST_HOLDOUT = timedelta(days=182)
WEEK = 7.0
MONTH = 30 / WEEK

# The span is that of the earliest tenth of customers: one of long ago must not stretch it.
EVENTS = """
select
    currency,
    percentile_disc(0.9) within group (order by age) as span,
    sum(repeats + 1)::bigint as events
from predictions.histories
group by currency
order by currency
"""
SCORED = ["currency", "repeats", "last_day", "age"]
DISTINCT = f"select distinct {', '.join(SCORED)} from predictions.histories"  # noqa: S608


def run(connection: Connection, as_of: datetime, today: date) -> dict[str, Any]:
    """Refit where due and score every distinct history; returns counts."""
    histories.fill(connection, as_of, today)
    told: dict[str, Standing] = {}
    for currency, days, events in connection.execute(EVENTS).fetchall():

        def fit(currency: str = currency, days: int = days) -> tuple[dict[str, Any], Backtest]:
            return _fit(connection, currency, as_of, today, timedelta(days=days))

        told[currency] = refit(
            connection, MODEL, currency, as_of=as_of, events=events, version=VERSION, fit=fit
        )
    scores = score(read(connection, DISTINCT), told)
    replace(connection, "purchase_scores", scores)
    return {"currencies": len(told), "histories": len(scores)}


def _fit(
    connection: Connection, currency: str, as_of: datetime, today: date, span: timedelta
) -> tuple[dict[str, Any], Backtest]:
    holdout = min(LONGEST_HOLDOUT, timedelta(days=span.days // 3))
    before = _of(histories.up_to(connection, as_of, today - holdout), currency)
    after = _of(histories.afterwards(connection, as_of, today - holdout, today), currency)
    everything = _of(histories.up_to(connection, as_of, today), currency)
    backtest, differ = judge(before, after, holdout.days / WEEK)
    buying, spending = estimate(everything, differ)
    return {"bg_nbd": asdict(buying), "gamma_gamma": asdict(spending)}, backtest


def _of(frame: pd.DataFrame, currency: str) -> pd.DataFrame:
    return frame[frame["currency"] == currency].reset_index(drop=True)


def estimate(frame: pd.DataFrame, values_differ: bool = True) -> tuple[BgNbd, GammaGamma]:
    """Both models; raises `TooFew` or `NoFit`."""
    repeaters = int((frame["repeats"] > 0).sum())
    if len(frame) < LEAST_CUSTOMERS or repeaters < LEAST_REPEATERS:
        raise TooFew(
            f"{len(frame)} customers, {repeaters} of them bought again: "
            f"{LEAST_CUSTOMERS} and {LEAST_REPEATERS} are needed"
        )
    buying = bg_nbd.fit(
        Histories.group(frame["repeats"], frame["last_day"] / WEEK, frame["age"] / WEEK)
    )
    if values_differ:
        return buying, gamma_gamma.fit(frame["repeats"], frame["mean_value"])
    return buying, GammaGamma.of_equals(mean_value(frame))


def mean_value(frame: pd.DataFrame) -> float:
    """What a repeat purchase was worth on average."""
    return float(np.average(frame["mean_value"].fillna(0), weights=frame["repeats"]))


def judge(before: pd.DataFrame, after: pd.DataFrame, weeks: float) -> tuple[Backtest, bool]:
    """What the models of the time before say about the time after, and what the rule says.

    And whether Gamma-Gamma told the value better than the mean did.
    """
    buying, spending = estimate(before)
    repeats, age = before["repeats"].to_numpy(float), before["age"].to_numpy(float) / WEEK
    orders = buying.expected_purchases(weeks, repeats, before["last_day"] / WEEK, age)
    mean = mean_value(before)
    # Two orders in the first week are no pace of a hundred a year: a month counts at least.
    pace = repeats / np.maximum(age, MONTH) * weeks
    plain = pace * before["mean_value"].fillna(mean).to_numpy(float)
    later = after[["customer_id", "purchases", "value"]]
    seen = before[["customer_id"]].merge(later, on="customer_id", how="left")
    bought, spent = (seen[name].fillna(0).to_numpy(float) for name in ("purchases", "value"))
    by_gamma = orders * spending.expected_value(repeats, before["mean_value"])
    errors = rmse(by_gamma, spent), rmse(orders * mean, spent)
    differ = errors[0] < errors[1]
    value = by_gamma if differ else orders * mean
    parts, again = tenths(value, spent), before[before["repeats"] > 0]
    figures = [
        by_squares("orders_rmse", orders, pace, bought),
        by_squares("value_rmse", value, plain, spent),
        Figure("value_off_by", _off_by(value, spent), max(_off_by(plain, spent), TOLERATED), -1),
        Figure("orders_off_by", _off_by(orders, bought), _off_by(pace, bought)),
        Figure("gamma_gamma_rmse", *errors),
        Figure(
            "value_share_of_best_tenth",
            parts[0].share_of_actual or 0.0,
            tenths(plain, spent)[0].share_of_actual,
        ),
        Figure(
            "correlation_of_repeats_and_value", float(again["repeats"].corr(again["mean_value"]))
        ),
    ]
    return Backtest(figures, parts), differ


def _off_by(predicted: Any, seen: Any) -> float:
    """How far the sum is off, as a share of what was seen."""
    total = float(np.sum(seen))
    return abs(float(np.sum(predicted)) / total - 1) if total else float("nan")


def score(distinct: pd.DataFrame, told: dict[str, Standing]) -> pd.DataFrame:
    """P(alive) and orders to expect for distinct histories, where the currency's model speaks."""
    parts = []
    for currency, rows in distinct.groupby("currency", sort=True):
        standing = told[str(currency)]
        if not standing.speaks or standing.parameters is None:
            continue
        buying = BgNbd(**standing.parameters["bg_nbd"])
        rows = rows.sort_values(SCORED)
        columns = (rows["repeats"], rows["last_day"] / WEEK, rows["age"] / WEEK)
        parts.append(
            rows.assign(
                p_alive=buying.p_alive(*columns),
                expected_orders_90d=buying.expected_purchases(90 / WEEK, *columns),
                expected_orders_365d=buying.expected_purchases(365 / WEEK, *columns),
            )
        )
    names = [*SCORED, "p_alive", "expected_orders_90d", "expected_orders_365d"]
    return pd.concat(parts)[names] if parts else pd.DataFrame(columns=names)

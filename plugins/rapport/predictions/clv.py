"""Customer lifetime value: expected orders (BG/NBD) times their expected value (Gamma-Gamma).

Each currency has its own fit. Time is in weeks. The value is revenue, not margin, and is not
discounted. The baseline assumes that customers keep the order rate and mean value they had so far.
If the hold-out shows that Gamma-Gamma does not predict the value better than the overall mean,
every order is expected at the mean.

>>> clv.run(connection, as_of, today)  # doctest: +SKIP
{'currencies': 1, 'histories': 402}
"""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from rapport.predictions import bg_nbd, gamma_gamma, histories
from rapport.predictions.backtest import Backtest, Figure, deciles, rmse, rmse_figure
from rapport.predictions.bg_nbd import BgNbd, Histories
from rapport.predictions.errors import TooFew
from rapport.predictions.gamma_gamma import GammaGamma
from rapport.predictions.store import Connection, Standing, read, refit, replace

MODEL, VERSION = "clv", "1"
MIN_CUSTOMERS, MIN_REPEATERS = 100, 50
TOLERANCE = 0.25  # the sum of all values may be wrong by this share, even if the baseline is closer
MAX_HOLDOUT = timedelta(days=182)
WEEK = 7.0
MONTH = 30 / WEEK

# The span is the 90th percentile of customer age, so that a single old customer does not set it.
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
    """Refit the currencies that are due and score every distinct history; returns counts.

    `today` is the date of `as_of` in the company's time zone.
    """
    histories.fill(connection, as_of, today)
    standings: dict[str, Standing] = {}
    for currency, days, events in connection.execute(EVENTS).fetchall():

        def fit(currency: str = currency, days: int = days) -> tuple[dict[str, Any], Backtest]:
            return _fit(connection, currency, as_of, today, timedelta(days=days))

        standings[currency] = refit(
            connection, MODEL, currency, as_of=as_of, events=events, version=VERSION, fit=fit
        )
    scores = score(read(connection, DISTINCT), standings)
    replace(connection, "purchase_scores", scores)
    return {"currencies": len(standings), "histories": len(scores)}


def _fit(
    connection: Connection, currency: str, as_of: datetime, today: date, span: timedelta
) -> tuple[dict[str, Any], Backtest]:
    holdout = min(MAX_HOLDOUT, timedelta(days=span.days // 3))
    before = _of(histories.up_to(connection, as_of, today - holdout), currency)
    after = _of(histories.afterwards(connection, as_of, today - holdout, today), currency)
    everything = _of(histories.up_to(connection, as_of, today), currency)
    backtest, differ = judge(before, after, holdout.days / WEEK)
    buying, spending = estimate(everything, differ)
    return {"bg_nbd": asdict(buying), "gamma_gamma": asdict(spending)}, backtest


def _of(frame: pd.DataFrame, currency: str) -> pd.DataFrame:
    return frame[frame["currency"] == currency].reset_index(drop=True)


def estimate(frame: pd.DataFrame, values_differ: bool = True) -> tuple[BgNbd, GammaGamma]:
    """Fit both models on histories of one currency; raises `TooFew` or `NoFit`.

    With `values_differ=False`, every purchase is expected at the overall mean.
    """
    repeaters = int((frame["repeats"] > 0).sum())
    if len(frame) < MIN_CUSTOMERS or repeaters < MIN_REPEATERS:
        raise TooFew(
            f"{len(frame)} customers and {repeaters} repeat buyers; at least "
            f"{MIN_CUSTOMERS} customers and {MIN_REPEATERS} repeat buyers are needed."
        )
    buying = bg_nbd.fit(
        Histories.group(frame["repeats"], frame["last_day"] / WEEK, frame["age"] / WEEK)
    )
    if values_differ:
        return buying, gamma_gamma.fit(frame["repeats"], frame["mean_value"])
    return buying, GammaGamma.constant(mean_value(frame))


def mean_value(frame: pd.DataFrame) -> float:
    """The mean value of a repeat purchase, weighted by the number of repeats."""
    return float(np.average(frame["mean_value"].fillna(0), weights=frame["repeats"]))


def judge(before: pd.DataFrame, after: pd.DataFrame, weeks: float) -> tuple[Backtest, bool]:
    """Backtest: fit on `before`, predict the `weeks` that follow, and compare with the baseline.

    Also returns whether Gamma-Gamma predicted the value better than the overall mean did.
    """
    buying, spending = estimate(before)
    repeats, age = before["repeats"].to_numpy(float), before["age"].to_numpy(float) / WEEK
    orders = buying.expected_purchases(weeks, repeats, before["last_day"] / WEEK, age)
    mean = mean_value(before)
    # Two orders in the first week do not mean 100 a year, so an age counts as at least a month.
    pace = repeats / np.maximum(age, MONTH) * weeks
    plain = pace * before["mean_value"].fillna(mean).to_numpy(float)
    later = after[["customer_id", "purchases", "value"]]
    seen = before[["customer_id"]].merge(later, on="customer_id", how="left")
    bought, spent = (seen[name].fillna(0).to_numpy(float) for name in ("purchases", "value"))
    by_gamma = orders * spending.expected_value(repeats, before["mean_value"])
    errors = rmse(by_gamma, spent), rmse(orders * mean, spent)
    differ = errors[0] < errors[1]
    value = by_gamma if differ else orders * mean
    parts, again = deciles(value, spent), before[before["repeats"] > 0]
    figures = [
        rmse_figure("orders_rmse", orders, pace, bought),
        rmse_figure("value_rmse", value, plain, spent),
        Figure("value_off_by", _off_by(value, spent), max(_off_by(plain, spent), TOLERANCE), -1),
        Figure("orders_off_by", _off_by(orders, bought), _off_by(pace, bought)),
        Figure("gamma_gamma_rmse", *errors),
        Figure(
            "value_share_of_best_tenth",
            parts[0].share_of_actual or 0.0,
            deciles(plain, spent)[0].share_of_actual,
        ),
        Figure(
            "correlation_of_repeats_and_value", float(again["repeats"].corr(again["mean_value"]))
        ),
    ]
    return Backtest(figures, parts), differ


def _off_by(predicted: Any, seen: Any) -> float:
    """The relative error of the predicted sum; NaN if nothing was bought."""
    total = float(np.sum(seen))
    return abs(float(np.sum(predicted)) / total - 1) if total else float("nan")


def score(distinct: pd.DataFrame, standings: dict[str, Standing]) -> pd.DataFrame:
    """P(alive) and expected orders of distinct histories, for currencies with a usable fit.

    Returns one row per history: the columns `SCORED`, `p_alive`, and the expected orders in 90 and
    365 days.
    """
    parts = []
    for currency, rows in distinct.groupby("currency", sort=True):
        standing = standings[str(currency)]
        if not standing.is_usable or standing.parameters is None:
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

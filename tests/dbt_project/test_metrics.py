"""The metric marts against pandas, on a company of random people: two ways to the same number."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from .conftest import read, staged
from .crowd import AS_OF, ZONE


def test_nps_equals_pandas(crowd: psycopg.Connection[Any]) -> None:
    answers = staged(crowd, "survey_responses", "responded_at").query("metric == 'nps'")
    worth = answers.score.astype(float).map(lambda s: 1 if s >= 9 else -1 if s <= 6 else 0)
    marts = read(crowd, "select * from build.mart_nps_daily").set_index("response_date")
    by_day = worth.groupby(answers.day).mean() * 100
    ours = marts.nps.dropna().astype(float)
    assert ours.index.tolist() == by_day.index.tolist()
    assert np.allclose(ours, by_day, atol=0.005)
    today = AS_OF.tz_convert(ZONE).date()
    recent = worth[answers.day > today - timedelta(days=90)]
    assert float(marts.nps_90d.loc[today]) == pytest.approx(recent.mean() * 100, abs=0.005)
    margin = 196 * np.sqrt(recent.var(ddof=0) / len(recent))
    assert float(marts.margin_of_error_90d.loc[today]) == pytest.approx(margin, abs=0.005)


def test_csat_and_ces_equal_pandas(crowd: psycopg.Connection[Any]) -> None:
    answers = staged(crowd, "survey_responses", "responded_at")
    answers["score"] = answers.score.astype(float)
    for scale, satisfied in (("1-5", 4), ("good_bad", 1)):
        csat = answers.query("metric == 'csat' and scale == @scale")
        expected = (csat.score >= satisfied).groupby(csat.day).mean() * 100
        ours = read(
            crowd,
            "select * from build.mart_csat_daily"
            f" where responses > 0 and scale = '{scale}' order by 1",
        )
        assert np.allclose(ours.csat.astype(float), expected, atol=0.005)
    ces = answers.query("metric == 'ces'")
    ours = read(crowd, "select * from build.mart_ces_daily where responses > 0 order by 1")
    assert np.allclose(ours.ces.astype(float), ces.groupby("day").score.mean(), atol=0.0001)


def test_revenue_equals_pandas(crowd: psycopg.Connection[Any]) -> None:
    orders = staged(crowd, "orders", "ordered_at").query("status == 'paid'")
    expected = orders.groupby(["day", "currency"]).amount.agg(["sum", "count"])
    ours = read(crowd, "select * from build.mart_revenue_daily where orders > 0 order by 1, 2")
    assert ours.revenue.tolist() == expected["sum"].tolist()
    assert ours.orders.tolist() == expected["count"].tolist()


def test_the_repeat_purchase_rate_equals_pandas(crowd: psycopg.Connection[Any]) -> None:
    orders = staged(crowd, "orders", "ordered_at").query("status == 'paid'")
    ours = read(crowd, "select * from build.mart_repeat_purchase_monthly").set_index("month")
    for month, row in ours.iterrows():
        end = (pd.Timestamp(str(month)) + pd.offsets.MonthBegin(1)).date()
        counts = orders[orders.day < end].groupby("customer_id").size()
        assert float(row.repeat_purchase_rate) == pytest.approx((counts >= 2).mean(), abs=1e-6)
        assert row.buyers_to_date == len(counts)


@pytest.mark.parametrize("basis", ["contractual", "non_contractual"])
def test_churn_equals_pandas(crowd: psycopg.Connection[Any], basis: str) -> None:
    if basis == "contractual":
        spans = staged(crowd, "subscriptions", "started_at").query("status != 'trialing'")
        spans["ended_at"] = pd.to_datetime(spans.cancelled_at, utc=True)
    else:
        spans = staged(crowd, "orders", "ordered_at").query("status == 'paid'")
        spans["started_at"] = spans.ordered_at
        spans["ended_at"] = spans.ordered_at + pd.Timedelta(days=90)

    def members(moment: pd.Timestamp) -> set[str]:
        held = (spans.started_at < moment) & ~(spans.ended_at < moment)
        return set(spans[held].customer_id)

    ours = read(
        crowd,
        f"select * from build.mart_churn_monthly where basis = '{basis}'",
    )
    assert len(ours) >= 6
    for row in ours.itertuples():
        start = pd.Timestamp(str(row.month), tz=ZONE)
        end = min(
            (pd.Timestamp(str(row.month)) + pd.offsets.MonthBegin(1)).tz_localize(ZONE),
            AS_OF.tz_convert(ZONE),
        )
        before, after = members(start), members(end)
        assert row.customers_at_start == len(before), row.month
        assert row.churned == len(before - after), row.month
        assert row.joined == len(after - before), row.month


def test_reply_times_equal_pandas(crowd: psycopg.Connection[Any]) -> None:
    tickets = staged(crowd, "conversations", "created_at")
    ours = read(
        crowd, "select * from build.mart_reply_times_daily where conversations > 0 order by 1"
    )
    for column in ("first_reply_minutes", "full_resolution_minutes"):
        minutes = tickets[column].astype(float)
        ends = tickets.created_at + pd.to_timedelta(minutes, unit="min")
        grouped = minutes.where(ends <= AS_OF + pd.Timedelta(hours=1)).groupby(tickets.day)
        for name, fraction in (("median", 0.5), ("p90", 0.9)):
            expected = grouped.quantile(fraction).to_numpy()
            found = ours[f"{column}_{name}"].astype(float).to_numpy()
            assert np.allclose(found, expected, atol=0.0051, equal_nan=True)

"""The metric marts against pandas, on a company of random people: two ways to the same number."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from .conftest import build, prepared, read
from .landed import NIGHT, land

ZONE = "Europe/Berlin"
AS_OF = pd.Timestamp(NIGHT)


@pytest.fixture(scope="module")
def crowd(postgres: str, template: str) -> Iterator[psycopg.Connection[Any]]:
    """Random people after their night."""

    def prepare(connection: psycopg.Connection[Any]) -> None:
        for table, frame in payloads(np.random.default_rng(11)).items():
            records = dict(zip(frame.key.astype(str), frame.payload, strict=True))
            land(connection, table, records, NIGHT)
        build(connection, NIGHT, "--exclude-resource-type", "unit_test")

    with prepared(postgres, template, prepare) as connection:
        yield connection


def payloads(random: np.random.Generator) -> dict[str, pd.DataFrame]:
    def moments(count: int, days: int = 200) -> list[str]:
        seconds = random.integers(0, days * 86400, count)
        return [
            (NIGHT - timedelta(seconds=int(second))).strftime("%Y-%m-%dT%H:%M:%SZ")
            for second in seconds
        ]

    def people(count: int) -> list[str]:
        return [f"u_{number}" for number in random.integers(0, 120, count)]

    orders = [
        {
            "order_id": f"o{number}",
            "customer_id": customer,
            "ordered_at": at,
            "amount": str(amount / 100),
            "currency": currency,
            "status": status,
        }
        for number, (customer, at, amount, currency, status) in enumerate(
            zip(
                people(600),
                moments(600),
                random.integers(0, 20000, 600),
                random.choice(["EUR", "USD"], 600, p=[0.8, 0.2]),
                random.choice(["paid", "refunded", "cancelled"], 600, p=[0.8, 0.1, 0.1]),
                strict=True,
            )
        )
    ]
    subscriptions = []
    for number, (customer, at) in enumerate(zip(people(200), moments(200, 400), strict=True)):
        ends = pd.Timestamp(at) + pd.Timedelta(days=int(random.integers(5, 300)))
        over = ends <= AS_OF and random.random() < 0.8
        subscriptions.append(
            {
                "subscription_id": f"s{number}",
                "customer_id": customer,
                "status": "cancelled" if over else str(random.choice(["active", "trialing"])),
                "started_at": at,
                "cancelled_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ") if over else None,
            }
        )
    responses = [
        {
            "token": f"r{number}",
            "form_id": "f",
            "submitted_at": at,
            "hidden": {"user_id": customer},
            "answers": [
                {"type": "number", "number": int(nps), "field": {"ref": "nps"}},
                {"type": "number", "number": int(csat), "field": {"ref": "csat"}},
                {"type": "number", "number": int(ces), "field": {"ref": "ces"}},
            ],
        }
        for number, (customer, at, nps, csat, ces) in enumerate(
            zip(
                people(400),
                moments(400),
                random.integers(0, 11, 400),
                random.integers(1, 6, 400),
                random.integers(1, 8, 400),
                strict=True,
            )
        )
    ]
    tickets, metrics = [], []
    for number, at in enumerate(moments(300)):
        tickets.append({"id": number, "requester_id": 1, "status": "open", "created_at": at})
        metrics.append(
            {
                "id": number,
                "ticket_id": number,
                "reply_time_in_minutes": {
                    "calendar": int(random.integers(1, 5000)) if random.random() < 0.9 else None
                },
                "full_resolution_time_in_minutes": {"calendar": int(random.integers(1, 9000))},
                "reopens": int(random.integers(0, 2)),
            }
        )

    def landed(records: list[dict[str, Any]], key: str) -> pd.DataFrame:
        return pd.DataFrame({"key": [row[key] for row in records], "payload": records})

    return {
        "files__shop_orders": landed(orders, "order_id"),
        "files__billing_subscriptions": landed(subscriptions, "subscription_id"),
        "typeform__responses": landed(responses, "token"),
        "zendesk__tickets": landed(tickets, "id"),
        "zendesk__ticket_metrics": landed(metrics, "id"),
    }


def staged(crowd: psycopg.Connection[Any], entity: str, time: str) -> pd.DataFrame:
    rows = read(
        crowd,
        f"select * from intermediate.int_{entity}_unioned"
        " left join identity.members using (profile_id)",
    )
    rows[time] = pd.to_datetime(rows[time], utc=True)
    rows["day"] = rows[time].dt.tz_convert(ZONE).dt.date
    return rows


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
    csat = answers.query("metric == 'csat'")
    expected = (csat.score >= 4).groupby(csat.day).mean() * 100
    ours = read(crowd, "select * from build.mart_csat_daily where responses > 0 order by 1")
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
        grouped = tickets[column].astype(float).groupby(tickets.day)
        for name, fraction in (("median", 0.5), ("p90", 0.9)):
            expected = grouped.quantile(fraction).to_numpy()
            found = ours[f"{column}_{name}"].astype(float).to_numpy()
            assert np.allclose(found, expected, atol=0.0051, equal_nan=True)

"""Datasets of rapport.yml become canonical rows; public sets give the counts that others got."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from rapport.connectors import open_source
from rapport.landing.ingest import ensure_tables, pull
from rapport.settings import Settings

from .conftest import build, prepared, read, run_dbt

AS_OF = datetime(2015, 5, 22, 3, tzinfo=UTC)


def settings(**datasets: Any) -> Settings:
    return Settings.model_validate(
        {
            "company": {"timezone": "UTC", "currency": "USD"},
            "sources": {"files": {"datasets": datasets}},
        }
    )


def pull_files(warehouse: psycopg.Connection[Any], chosen: Settings) -> None:
    ensure_tables(warehouse, chosen)
    pull(open_source("files", chosen), warehouse, run_id="test", as_of=AS_OF)


@pytest.fixture(scope="module")
def public(postgres: str, template: str, reference_dir: Path) -> Iterator[psycopg.Connection[Any]]:
    """CDNOW as orders and an access log as web analytics, after a night."""
    chosen = settings(
        cdnow={
            "path": str(reference_dir / "data" / "cdnow" / "CDNOW_master.txt"),
            "format": "csv",
            "delimiter": "whitespace",
            "entity": "orders",
            "columns": {
                "customer_id": "customer_id",
                "ordered_at": {"column": "date", "format": "%Y%m%d"},
                "quantity": "number_of_cds",
                "amount": "dollar_value",
                "currency": {"value": "USD"},
            },
        },
        logs={
            "path": str(reference_dir / "data" / "apache_logs" / "access.log"),
            "format": "access_log",
            "entity": "web_events",
        },
    )

    def prepare(connection: psycopg.Connection[Any]) -> None:
        pull_files(connection, chosen)
        build(connection, AS_OF, "--exclude-resource-type", "unit_test", settings=chosen)

    with prepared(postgres, template, prepare) as connection:
        yield connection


def test_cdnow_gives_its_purchases_customers_and_dollars(
    public: psycopg.Connection[Any],
) -> None:
    totals = read(
        public,
        "select count(*), count(distinct customer_id) as customers, sum(amount) as amount,"
        " sum(quantity) as items, count(order_date) as dated,"
        " count(*) filter (where customer_id = 'files:cdnow:00001') as of_the_first"
        " from build.fct_orders",
    ).iloc[0]
    assert (totals["count"], totals.customers) == (69_659, 23_570)
    assert float(totals.amount) == 2_500_315.63
    assert (totals["items"], totals.dated, totals.of_the_first) == (167_881, 69_659, 1)


def test_the_metrics_of_cdnow_equal_pandas_on_the_file(
    public: psycopg.Connection[Any], reference_dir: Path
) -> None:
    path = reference_dir / "data" / "cdnow" / "CDNOW_master.txt"
    file = pd.read_csv(path, sep=r"\s+", dtype={0: str, 1: str})
    file.columns = pd.Index(["customer", "date", "cds", "dollars"])
    file["day"] = pd.to_datetime(file.date, format="%Y%m%d").dt.date
    days = read(public, "select * from build.mart_revenue_daily order by order_date")
    expected = file.groupby("day").dollars.agg(["sum", "count"])
    assert days.order_date.tolist() == expected.index.tolist()
    assert np.allclose(days.revenue.astype(float), expected["sum"])
    assert days.orders.tolist() == expected["count"].tolist()
    months = read(public, "select * from build.mart_repeat_purchase_monthly order by month")
    counts = file.groupby("customer").size()
    assert months.buyers_to_date.iloc[-1] == 23_570
    assert float(months.repeat_purchase_rate.iloc[-1]) == pytest.approx(
        (counts >= 2).mean(), abs=1e-6
    )


def test_the_cohorts_of_cdnow_equal_pandas_on_the_file(
    public: psycopg.Connection[Any], reference_dir: Path
) -> None:
    path = reference_dir / "data" / "cdnow" / "CDNOW_master.txt"
    file = pd.read_csv(path, sep=r"\s+", dtype={0: str, 1: str})
    file.columns = pd.Index(["customer", "date", "cds", "dollars"])
    file["month"] = pd.to_datetime(file.date, format="%Y%m%d").dt.to_period("M")
    file["cohort"] = file.groupby("customer").month.transform("min")
    sizes = file.groupby("cohort").customer.nunique()
    assert sizes.tolist() == [7846, 8476, 7248]
    active = file.groupby(["cohort", "month"]).customer.nunique()
    retention = read(
        public, "select * from build.mart_retention_monthly where month < '1998-07-01'"
    )
    assert len(retention) == 18 + 17 + 16
    for row in retention.itertuples():
        cohort, month = pd.Period(row.cohort_month, "M"), pd.Period(row.month, "M")
        share = active.get((cohort, month), 0) / sizes[cohort]
        assert float(row.retention_rate) == pytest.approx(share, abs=1e-6)
    spent = file.groupby("cohort").dollars.sum() / sizes
    values = read(
        public,
        "select distinct on (cohort_month) realised_clv from build.mart_clv_monthly"
        " order by cohort_month, month_number desc",
    )
    assert np.allclose(values.realised_clv.astype(float), spent, atol=1e-4)


def test_an_access_log_becomes_sessions_without_addresses(
    public: psycopg.Connection[Any], reference_dir: Path
) -> None:
    path = reference_dir / "data" / "apache_logs" / "access.log"
    events = read(
        public,
        "select count(*), count(distinct device_id) as devices,"
        " count(*) filter (where is_bot) as bots"
        " from intermediate.int_web_events_unioned",
    ).iloc[0]
    assert (events["count"], events.devices, events.bots) == (9_999, 1_861, 1_397)
    sessions = read(
        public, "select sum(events) as events from intermediate.int_web_events_sessionised"
    )
    assert sessions.events[0] == 9_999 - 1_397
    addresses = {line.split(" ", 1)[0] for line in path.read_text("utf-8", "replace").splitlines()}
    assert len(addresses) > 1_700
    for table in ("staging.stg_files__web_events", "intermediate.int_identifiers_unioned"):
        text = read(public, f"select * from {table}").to_csv()
        words = set(text.replace('"', ",").replace(":", ",").split(","))
        assert not addresses & words, table


def test_times_are_read_in_the_declared_format(
    warehouse: psycopg.Connection[Any], tmp_path: Path
) -> None:
    cases = {
        "dots": ("%d.%m.%Y", "31.12.2025", "2025-12-31 00:00:00+00:00"),
        "slashes": ("%m/%d/%Y %H:%M", "12/31/2025 23:59", "2025-12-31 23:59:00+00:00"),
        "epoch": ("epoch_ms", "1767225599000", "2025-12-31 23:59:59+00:00"),
        "iso": (None, "2025-12-31T23:00:00+02:00", "2025-12-31 21:00:00+00:00"),
    }
    datasets = {}
    for name, (format, text, _) in cases.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(f"Who?,Wann's,Sum\n7,{text},-12.50\n7,,\n")
        when = {"column": "Wann's"} | ({"format": format} if format else {})
        datasets[name] = {
            "path": str(path),
            "format": "csv",
            "entity": "orders",
            "columns": {"customer_id": "Who?", "ordered_at": when, "amount": "Sum"},
        }
    chosen = settings(**datasets)
    pull_files(warehouse, chosen)
    run_dbt("run", "--select", "stg_files__orders", as_of=AS_OF, settings=chosen)
    orders = read(warehouse, "select * from staging.stg_files__orders order by ordered_at")
    for name, (_, _, moment) in cases.items():
        mine = orders[orders.profile_id == f"files:{name}:7"]
        assert [str(at) for at in mine.ordered_at] == [moment, "NaT"], name
        assert [str(amount) for amount in mine.amount] == ["-12.50", "None"], name
    assert set(orders.currency) == {"USD"} and orders.order_id.is_unique


def test_an_event_of_google_analytics_is_a_web_event_of_its_user(
    warehouse: psycopg.Connection[Any], tmp_path: Path
) -> None:
    event = {
        "event_timestamp": "1432000000000000",
        "event_name": "view_item",
        "event_params": [
            {
                "key": "page_location",
                "value": {"string_value": "https://a.example/p/1?utm_medium=x"},
            }
        ],
        "user_pseudo_id": "1.2",
        "items": [{"item_id": "p1"}],
    }
    known = {**event, "event_timestamp": "1432000001000000", "user_id": "u_1"}
    path = tmp_path / "events_20150519.json"
    path.write_text("".join(json.dumps(one) + "\n" for one in (event, known)))
    chosen = settings(ga4={"path": str(path), "format": "ga4", "namespace": "shop"})
    pull_files(warehouse, chosen)
    chain = ["stg_files__web_events", "stg_files__identifiers"]
    run_dbt("run", "--select", *chain, as_of=AS_OF, settings=chosen)
    events = read(warehouse, "select * from staging.stg_files__web_events order by occurred_at")
    assert list(events.profile_id) == ["files:shop:1.2", "files:shop:u_1"]
    assert set(events.event_name) == {"view_item"}
    assert str(events.occurred_at[0]) == "2015-05-19 01:46:40+00:00"
    assert (events.path[0], events.utm_medium[0], events.product_id[0]) == ("/p/1", "x", "p1")
    offered = read(warehouse, "select * from staging.stg_files__identifiers")
    mine = offered[offered.profile_id == "files:shop:u_1"]
    assert (
        dict(zip(mine.identifier_type, mine.identifier_value, strict=True)).items()
        >= {
            "user_id": "u_1",
            "device_id": "1.2",
        }.items()
    )

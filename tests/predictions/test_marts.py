"""The prediction marts as dbt builds them, on a made-up company."""

import itertools
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from tests.conftest import drop_database, point_to

from rapport.predictions import churn, predict
from rapport.predictions.backtest import Backtest, Figure
from rapport.warehouse import connect

from .made_up import AS_OF, Connection, fill, make_tables, order


@pytest.fixture(scope="module")
def company(postgres: str, template: str) -> Iterator[Connection]:
    """A night of predictions, marts included; read only."""
    name = f"predicted_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        with pytest.MonkeyPatch.context() as patch:
            point_to(patch, postgres, name)
            # Whether churn wins on this company is not the question here.
            won = Backtest([Figure("brier_score", 0.1, 0.2, -1)])
            patch.setattr(churn, "judge", lambda *_: won)
            patch.setattr(churn, "MIN_EACH", 5)
            with connect(autocommit=True) as connection:
                make_tables(connection)
                fill(connection)
                born = datetime(2024, 2, 29, 12, tzinfo=UTC)
                connection.execute(
                    "insert into build.dim_customers values ('leap', %s), ('owed', %s)",
                    (born, born),
                )
                order(connection, "leap", born, 10)
                order(connection, "leap", datetime(2025, 2, 28, 11, tzinfo=UTC), 20)
                order(connection, "leap", datetime(2026, 2, 27, 11, tzinfo=UTC), 30)
                order(connection, "leap", datetime(2026, 2, 28, 11, tzinfo=UTC), 40)
                order(connection, "owed", AS_OF - timedelta(days=80), 10)
                order(connection, "owed", AS_OF - timedelta(days=40), -30)
                predict(as_of=AS_OF)
                yield connection
        drop_database(admin, name)


def test_the_value_is_orders_times_value_and_abstains_with_a_reason(company: Connection) -> None:
    assert company.execute(
        """
        select
            count(*) filter (where not is_abstained) > 300,
            bool_and(is_abstained = (predicted_clv_365d is null)),
            bool_and(is_abstained = (abstained_reason is not null)),
            max(abs(predicted_clv_365d - expected_orders_365d * expected_order_value)) < 0.2,
            bool_and(abstained_reason = 'too_few_events') filter (where currency = 'USD')
        from build.mart_predicted_clv
        """
    ).fetchone() == (True, True, True, True, True)


def test_refunds_larger_than_orders_abstain(company: Connection) -> None:
    assert company.execute(
        "select abstained_reason, p_alive from build.mart_predicted_clv where customer_id = 'owed'"
    ).fetchall() == [("refunds_exceed_orders", None)]


def test_risk_bands_follow_the_probability(company: Connection) -> None:
    rows = company.execute(
        "select kind, risk_band, min(churn_probability), max(churn_probability)"
        " from build.mart_predicted_churn where not is_abstained group by kind, risk_band"
    ).fetchall()
    bands = {(kind, band): (low, high) for kind, band, low, high in rows}
    assert bands
    for kind in {kind for kind, _ in bands}:
        spans = [bands[kind, band] for band in ("low", "medium", "high") if (kind, band) in bands]
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_products_have_names_and_reasons(company: Connection) -> None:
    assert company.execute(
        """
        select count(*) > 300, bool_and(product_name = upper(product_id)),
            bool_and(reason like 'Bought by people with an interest in P%%'), max(rank)
        from build.mart_next_products where customer_id like 'c%%'
        """
    ).fetchone() == (True, True, True, 3)


def test_every_mart_says_which_fit_speaks(company: Connection) -> None:
    for mart in ("mart_predicted_clv", "mart_next_products", "mart_personas"):
        assert company.execute(
            f"select bool_and(model_version is not null and fitted_at = %s and not is_stale)"
            f" from build.{mart} where model_version is not null",
            (AS_OF,),
        ).fetchone() == (True,)
    assert company.execute(
        "select count(distinct model) from build.mart_prediction_quality where is_decisive"
    ).fetchone() >= (4,)


def test_the_year_of_a_leap_day_ends_on_the_28th(company: Connection) -> None:
    assert company.execute(
        "select year_ended_at, years, orders, revenue, largest_order, currency, favourite_product"
        " from build.mart_years_in_review where customer_id = 'leap'"
    ).fetchall() == [
        (datetime(2026, 2, 27, 23, tzinfo=UTC), 2, 2, 50, 30, "EUR", "Tea"),
    ]


def test_who_is_known_for_less_than_a_year_has_none_in_review(company: Connection) -> None:
    assert company.execute(
        "select bool_and(first_seen_at <= timestamptz '2025-03-01T23:00:00Z')"
        " from build.mart_years_in_review inner join build.dim_customers using (customer_id)"
    ).fetchone() == (True,)

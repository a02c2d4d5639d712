"""Nights of predictions in a warehouse: what is told, what is not, and what is not done again."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from rapport import warehouse as warehouses
from rapport.predictions import bg_nbd, churn, clv, histories, personas, step
from rapport.predictions.errors import NoFit

from .made_up import AS_OF, Connection, fill, make_tables, order

TODAY = date(2026, 3, 1)


@pytest.fixture
def tables(warehouse: Connection) -> Connection:
    make_tables(warehouse)
    return warehouse


@pytest.fixture
def company(tables: Connection) -> Connection:
    fill(tables)
    return tables


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every time that the marts were built."""
    calls: list[Any] = []

    def build(layer: str, **options: Any) -> dict[str, Any]:
        with warehouses.connect() as connection:
            for name in step.fingerprint.MARTS:
                connection.execute(f"create table if not exists build.{name} ()")
        calls.append((layer, options))
        return {}

    monkeypatch.setattr(step, "build", build)
    return calls


def standings(connection: Connection) -> dict[tuple[str, str], tuple[Any, ...]]:
    rows = connection.execute(
        "select model, scope, model_version, is_stale, abstained_reason from predictions.standings"
    )
    return {(model, scope): rest for model, scope, *rest in rows.fetchall()}


def history(connection: Connection, customer: str) -> dict[str, tuple[Any, ...]]:
    histories.fill(connection, AS_OF, TODAY)
    rows = connection.execute(
        "select currency, orders, revenue, repeats, last_day, age, mean_value"
        " from predictions.histories where customer_id = %s",
        (customer,),
    )
    return {row[0]: row[1:] for row in rows.fetchall()}


def test_currencies_have_histories_of_their_own(tables: Connection) -> None:
    for days, amount, currency in ((40, 10, "EUR"), (30, 99, "USD"), (20, 14, "EUR")):
        order(tables, "a", AS_OF - timedelta(days=days), amount, currency=currency)
    order(tables, "a", AS_OF - timedelta(days=5), 5, currency="XXX")
    assert history(tables, "a") == {"EUR": (2, 24, 1, 20, 40, 14.0), "USD": (1, 99, 0, 0, 30, None)}


def test_two_orders_of_a_day_are_one_purchase_and_what_is_not_paid_is_none(
    tables: Connection,
) -> None:
    for days, amount, status in (
        (40, 10, "paid"), (20, 6, "paid"), (20, 8, "paid"), (10, 50, "refunded"), (9, 5, "pending"),
    ):  # fmt: skip
        order(tables, "a", AS_OF - timedelta(days=days), amount, status=status)
    assert history(tables, "a") == {"EUR": (3, 24, 1, 20, 40, 14.0)}


def test_money_given_back_is_no_purchase_and_lowers_the_mean(tables: Connection) -> None:
    for days, amount in ((40, 10), (20, 14), (10, -30)):
        order(tables, "a", AS_OF - timedelta(days=days), amount)
    assert history(tables, "a") == {"EUR": (2, -6, 1, 20, 40, -16.0)}


def test_a_leap_day_is_a_day(tables: Connection) -> None:
    at = AS_OF.replace(year=2024, month=2, day=28)
    for days in (0, 1, 2):
        order(tables, "a", at + timedelta(days=days), 10)
    assert history(tables, "a")["EUR"][2:5] == (2, 2, (TODAY - date(2024, 2, 28)).days)


def test_an_empty_company_is_told_nothing(tables: Connection, built: list[Any]) -> None:
    step.run(AS_OF)
    assert len(built) == 1
    assert {rest[2] for rest in standings(tables).values()} == {"too_few_events"}
    for name in ("purchase_scores", "churn_scores", "product_scores", "personas"):
        assert tables.execute(f"select count(*) from predictions.{name}").fetchone() == (0,)  # type: ignore[arg-type]


def test_a_company_is_told_what_its_hold_out_bears_out(
    company: Connection, built: list[Any]
) -> None:
    step.run(AS_OF)
    told = standings(company)
    assert told["clv", "USD"][2] == "too_few_events"
    assert told["clv", "EUR"][2] is None
    assert told["next_product", "all"][2] is None
    assert told["contact_time", "hour"][2] is None
    assert told["contact_time", "channel"][2] == "too_few_events"
    assert company.execute(
        "select count(*), bool_and(p_alive between 0 and 1 and expected_orders_90d >= 0"
        " and expected_orders_90d < expected_orders_365d) from predictions.purchase_scores"
        " where currency = 'EUR'"
    ).fetchone() >= (50, True)
    assert company.execute(
        "select count(*) from predictions.purchase_scores where currency = 'USD'"
    ).fetchone() == (0,)
    assert company.execute(
        "select count(*) from predictions.product_scores as scores"
        " inner join build.fct_orders as orders using (customer_id, product_id)"
    ).fetchone() == (0,)
    early, late = company.execute(
        "select avg(hour) filter (where right(customer_id, 1)::int % 2 = 0), "
        " avg(hour) filter (where right(customer_id, 1)::int % 2 = 1)"
        " from predictions.contact_scores"
    ).fetchone() or (0, 0)
    assert early < 11 < 15 < late  # hours of Berlin
    calibration = company.execute(
        "select count(*), max(share_of_actual) from predictions.bins where model = 'clv'"
    ).fetchone()
    assert calibration == (10, pytest.approx(1.0))


def test_the_same_night_again_does_nothing_and_a_new_order_does(
    company: Connection, built: list[Any]
) -> None:
    first = step.run(AS_OF)
    scores = company.execute("select * from predictions.purchase_scores order by 1, 2, 3, 4")
    before = scores.fetchall()
    assert "unchanged" not in first
    assert step.run(AS_OF) == {"unchanged": True}
    assert len(built) == 1
    company.execute("update predictions.state set fingerprint = 'of another code'")
    step.run(AS_OF)
    scores = company.execute("select * from predictions.purchase_scores order by 1, 2, 3, 4")
    assert scores.fetchall() == before
    order(company, "c0001", AS_OF - timedelta(hours=2), 20)
    assert "unchanged" not in step.run(AS_OF)
    assert len(built) == 3


def test_parameters_hold_for_a_week_or_until_there_is_much_more_to_learn_from(
    company: Connection,
) -> None:
    def fitted(days: int) -> int:
        company.execute("delete from predictions.standings")
        clv.run(company, AS_OF + timedelta(days=days), TODAY + timedelta(days=days))
        row = company.execute(
            "select count(*) from predictions.parameters where scope = 'EUR'"
        ).fetchone()
        return int(row[0]) if row else 0

    assert [fitted(0), fitted(1), fitted(6), fitted(7), fitted(8)] == [1, 1, 1, 2, 2]
    company.execute(
        "insert into build.fct_orders select source, 'again ' || order_id, 'new ' || customer_id,"
        " ordered_at, order_date, status, amount, currency from build.fct_orders"
    )
    assert fitted(9) == 3
    assert fitted(0) == 3  # a night that is run again knows only what was fitted by then


def test_a_fit_that_fails_leaves_the_last_good_one_marked_as_stale(
    company: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clv.run(company, AS_OF, TODAY)
    version = standings(company)["clv", "EUR"][0]
    company.execute("delete from predictions.standings")

    def fail(*_: Any) -> None:
        raise NoFit("the dice say no")

    monkeypatch.setattr(bg_nbd, "fit", fail)
    clv.run(company, AS_OF + timedelta(days=8), TODAY + timedelta(days=8))
    assert standings(company)["clv", "EUR"] == [version, True, None]
    assert company.execute(
        "select count(*) > 50 from predictions.purchase_scores where currency = 'EUR'"
    ).fetchone() == (True,)


def test_a_first_fit_that_fails_says_nothing(
    company: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bg_nbd, "fit", lambda *_: 1 / 0)
    clv.run(company, AS_OF, TODAY)
    assert standings(company)["clv", "EUR"] == [None, False, "no_fit"]
    assert company.execute("select count(*) from predictions.purchase_scores").fetchone() == (0,)


def test_what_was_known_at_a_moment_knows_nothing_of_later(company: Connection) -> None:
    at = AS_OF - timedelta(days=30)
    features = ["customer_id", "kind", "plan", *churn.FEATURES]
    before = churn.candidates(company, at, at + timedelta(days=30))[features]
    company.execute("delete from build.fct_touchpoints where occurred_at > %s", (at,))
    company.execute("delete from build.fct_orders where ordered_at > %s", (at,))
    company.execute("delete from build.fct_subscriptions where started_at > %s", (at,))
    company.execute("update build.fct_subscriptions set ended_at = null where ended_at > %s", (at,))
    after = churn.candidates(company, at, at + timedelta(days=30))[features]
    assert len(before) > 100
    assert before.equals(after)


def test_an_amount_of_nothing_that_was_set_when_a_contract_ended_tells_nothing(
    company: Connection,
) -> None:
    at = AS_OF - timedelta(days=30)
    before = churn.candidates(company, at, AS_OF)
    assert before["has_left"].sum() > 5
    company.execute("update build.fct_subscriptions set amount = 0 where ended_at is not null")
    assert churn.candidates(company, at, AS_OF).equals(before)


def test_a_persona_stays_with_who_hardly_changed(company: Connection) -> None:
    company.execute("delete from predictions.standings")
    personas.run(company, AS_OF, "EUR")
    before = dict(
        company.execute("select customer_id, persona from predictions.personas").fetchall()
    )
    later = AS_OF + timedelta(days=1)
    company.execute("delete from predictions.standings")
    counts = personas.run(company, later, "EUR")
    assert counts["changed"] < len(before) / 20
    since = company.execute(
        "select count(*) filter (where since = %s), count(*) filter (where since = %s)"
        " from predictions.personas",
        (AS_OF, later),
    ).fetchone()
    assert since == (len(before) - counts["changed"], counts["changed"])


def test_a_night_in_which_personas_changed_says_the_same_when_it_is_run_again(
    company: Connection,
) -> None:
    def run(at: datetime) -> tuple[dict[str, Any], list[Any], list[Any]]:
        company.execute("delete from predictions.standings")
        counts = personas.run(company, at, "EUR")
        now = company.execute("select * from predictions.personas order by 1").fetchall()
        stays = company.execute("select * from predictions.persona_stays order by 1, 3").fetchall()
        return counts, now, stays

    first, second = AS_OF, AS_OF + timedelta(days=1)
    of_first = run(first)
    for number in range(12):
        order(company, "c0001", AS_OF + timedelta(hours=1 + number), 90)
        order(company, "c0003", AS_OF + timedelta(hours=1 + number), 900)
    of_second = run(second)
    assert of_second[0]["changed"] >= 1
    assert {until for *_, until in of_second[2]} == {None, second}
    assert run(second) == of_second
    assert run(first)[2] == of_first[2], "an earlier night that is run again knows no later one"
    assert run(second)[1:] == of_second[1:]
    company.execute("delete from predictions.parameters")
    company.execute("delete from build.dim_customers")
    assert run(second)[1] == [], "who abstains tells of nobody"
    assert {until for *_, until in run(second)[2]} == {second}

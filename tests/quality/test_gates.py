from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from rapport.errors import GateFailed
from rapport.quality import discover_guards, gates, run_gate

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
GOOD = """
    create schema if not exists build;
    create table build.dim_customers as
    select 'c_' || substr(md5(n::text), 1, 20) as customer_id, 'DE' as country,
        timestamptz '2026-03-30' as last_seen_at, 2 as profiles
    from generate_series(1, 300) as n;
    create table build.fct_orders as
    select
        'shop:' || n as order_id, 'files' as source, 10.5 as amount, currency, true as is_purchase,
        timestamptz '2026-03-30' - n * interval '8 hours' as ordered_at
    from generate_series(0, 399) as n
    cross join (values ('EUR'), ('USD')) as currencies (currency);
    create table build.data_oddities as
    select 'files' as source, 'shop_orders' as dataset, 'fct_orders' as table_name,
        'amount' as column_name, 'missing' as oddity, 'EUR' as currency, true as is_left_out,
        1000 as rows, 19 as odd_rows
    union all
    select 'files', 'one_row', 'fct_orders', 'ordered_at', 'in_the_future', 'IDR', true, 1, 1
    union all
    select 'files', 'big', 'fct_orders', 'amount', 'missing', 'EUR', true, 9000, 900
    union all
    select 'files', 'large', 'fct_orders', 'amount', 'implausible', 'EUR', false, 100, 40
    union all
    select 'typeform', '(none)', 'fct_survey_responses', 'score', 'off_scale', '(none)', true, 4, 4;
"""
ODD = """
    insert into build.data_oddities
    values ('{}', '{}', '{}', '{}', '{}', '{}', true, {}, {})
"""
LOAD = """
    insert into raw.loads
        (run_id, source, stream, as_of, read, landed, rejected, finished_at, warning)
    values ('r', 'crm', 'people', '2026-03-31T03:00:00Z', %s, %s, %s, %s, %s)
"""


@pytest.fixture
def built(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    warehouse.execute(GOOD)
    return warehouse


def test_good_tables_pass(built: psycopg.Connection[Any]) -> None:
    counts = run_gate("publication", run_id="r", as_of=AS_OF)
    assert counts["failed"] == 0
    assert counts["passed"] >= 11


BAD = {
    "an empty customer table": ("delete from build.dim_customers", "dim_customers"),
    "an id of another kind": (
        "update build.dim_customers set customer_id = 'x' where ctid = '(0,1)'", "dim_customers",
    ),
    "people from the future": (
        "update build.dim_customers set last_seen_at = '2099-01-01'", "dim_customers",
    ),
    "a customer without a record": (
        "update build.dim_customers set profiles = 0 where ctid = '(0,1)'", "dim_customers",
    ),
    "a customer who swallowed others": (
        "update build.dim_customers set profiles = 5000 where ctid = '(0,1)'", "identity",
    ),
    "orders without amounts": (
        ODD.format("files", "shop", "fct_orders", "amount", "missing", "USD", 190, 20),
        "fct_orders",
    ),
    "payments without amounts": (
        ODD.format("stripe", "(none)", "fct_payments", "amount", "missing", "EUR", 101, 50),
        "fct_orders",
    ),
    "orders from the future": (
        ODD.format("files", "shop", "fct_orders", "ordered_at", "in_the_future", "EUR", 40, 40),
        "fct_orders",
    ),
    "cents where there were euros": (
        "update build.fct_orders set amount = amount * 100"
        " where currency = 'EUR' and ordered_at > '2026-03-01'",
        "fct_orders",
    ),
    "scores off their scale": (
        ODD.format("typeform", "(none)", "fct_survey_responses", "score", "off_scale", "-", 90, 30),
        "fct_survey_responses",
    ),
    "responses from the future": (
        ODD.format("files", "joy", "fct_survey_responses", "responded_at", "in_the_future", "-", 20,
                   20),
        "fct_survey_responses",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_each_guard_is_seen_to_fail(built: psycopg.Connection[Any], case: str) -> None:
    damage, guard = BAD[case]
    built.execute(damage)
    with pytest.raises(GateFailed, match=guard) as failure:
        run_gate("publication", run_id="r", as_of=AS_OF)
    assert "Report: " in str(failure.value)
    assert (gates.report_dir("r", "publication") / "index.html").exists()
    failed = built.execute(
        "select distinct guard from quality.results where run_id = 'r' and not success"
    ).fetchall()
    assert (guard,) in failed


def test_words_that_nobody_knows_warn_and_stop_nothing(built: psycopg.Connection[Any]) -> None:
    built.execute(ODD.format("files", "shop", "fct_orders", "status", "unknown", "-", 30, 30))
    built.execute(
        ODD.format("files", "s", "fct_survey_responses", "metric", "unknown", "-", 20, 20)
    )
    assert run_gate("publication", run_id="r", as_of=AS_OF)["failed"] == 2


def test_the_message_names_column_source_dataset_currency_and_count(
    built: psycopg.Connection[Any],
) -> None:
    built.execute(BAD["orders without amounts"][0])
    with pytest.raises(GateFailed) as failure:
        run_gate("publication", run_id="r", as_of=AS_OF)
    said = "amount is missing in 20 of 190 rows of source files, dataset shop, currency USD"
    assert said in str(failure.value)


def test_amounts_of_one_currency_are_not_compared_with_another(
    built: psycopg.Connection[Any],
) -> None:
    built.execute(
        "update build.fct_orders set amount = 1450000, currency = 'IDR' where currency = 'USD'"
    )
    assert run_gate("publication", run_id="r", as_of=AS_OF)["failed"] == 0
    built.execute(BAD["cents where there were euros"][0])
    with pytest.raises(GateFailed, match="amount jumped in 87 of 400"):
        run_gate("publication", run_id="r", as_of=AS_OF)


def test_every_guard_of_the_publication_gate_has_a_case_here() -> None:
    tried = {guard for _, guard in BAD.values()} | {"customer_count"}
    assert {guard.name for guard in discover_guards("publication")} == tried


def test_half_of_the_customers_gone_is_not_published(built: psycopg.Connection[Any]) -> None:
    built.execute("""
        insert into ops.nights (run_id, as_of, status) values ('before', now(), 'succeeded');
        insert into ops.publications (run_id, as_of) values ('before', now());
        insert into ops.published_tables (run_id, table_name, rows, changed, deleted)
        values ('before', 'marts.dim_customers', 700, 0, 0);
    """)
    with pytest.raises(GateFailed, match="customer_count"):
        run_gate("publication", run_id="r", as_of=AS_OF)


@pytest.mark.parametrize(
    ("load", "passes"),
    [
        ((100, 100, 0, AS_OF, None), True),
        ((100, 94, 6, AS_OF, None), False),
        ((40, 35, 5, AS_OF, None), True),
        ((3, 1, 2, AS_OF, None), False),
        ((100, 100, 0, None, None), False),
        ((100, 100, 0, AS_OF, "too many are gone"), False),
    ],
)
def test_an_arrival_is_judged(
    warehouse: psycopg.Connection[Any], load: tuple[Any, ...], passes: bool
) -> None:
    warehouse.execute(LOAD, load)
    if passes:
        assert run_gate("arrival", run_id="r", as_of=AS_OF, source="crm")["failed"] == 0
    else:
        with pytest.raises(GateFailed, match="arrival gate of crm"):
            run_gate("arrival", run_id="r", as_of=AS_OF, source="crm")


def test_a_volume_far_above_the_usual_fails_the_arrival(
    warehouse: psycopg.Connection[Any],
) -> None:
    for _ in range(10):
        warehouse.execute(LOAD, (100, 100, 0, AS_OF, None))
    warehouse.execute(LOAD, (5000, 5000, 0, AS_OF, None))
    with pytest.raises(GateFailed, match="landed_ratio"):
        run_gate("arrival", run_id="r", as_of=AS_OF, source="crm")


def test_a_gate_that_crashes_counts_as_failed(
    built: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    built.execute("drop table build.fct_orders")
    with pytest.raises(GateFailed):
        run_gate("publication", run_id="r", as_of=AS_OF)
    monkeypatch.setattr(gates, "_validate", lambda *_: 1 / 0)
    with pytest.raises(GateFailed, match="could not finish"):
        run_gate("publication", run_id="r", as_of=AS_OF)
    assert built.execute(
        "select success, severity from quality.results where run_id = 'r'"
    ).fetchall() == [(False, "critical")]


def test_no_value_of_the_data_reaches_results_or_report(built: psycopg.Connection[Any]) -> None:
    built.execute("update build.dim_customers set customer_id = 'canary@example.com'")
    with pytest.raises(GateFailed) as failure:
        run_gate("publication", run_id="canary-run", as_of=AS_OF)
    assert "canary@example.com" not in str(failure.value)
    kept = built.execute("select string_agg(results::text, ' ') from quality.results").fetchone()
    assert kept is not None
    assert "canary@example.com" not in kept[0]
    pages = list(gates.report_dir("canary-run", "publication").rglob("*.html"))
    assert pages
    assert not [page for page in pages if "canary@example.com" in page.read_text()]

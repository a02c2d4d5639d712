"""No address and no number reaches the marts: the unions free links, texts and ids of them."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.landing.ingest import ensure_tables
from rapport.settings import Settings, load_settings
from rapport.transform import dbt

from .conftest import run_dbt
from .landed import land

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
GUARD = "no_contact_detail_is_in_marts"
HIDDEN = [
    "/unsubscribe/mara@example.com", "/unsubscribe/mara%40example.com", "/u/Mara%2540Example%2Ecom",
    "/reset/+4930901820", "/reset/%2B49%2030%20901820", "/reset/004930901820", "/reset/030901820",
    "https://x.example/a?mail=mara.l+list@example.co.uk&b=1", "/a/m\u00e4ra@b\u00fccher.example/b",
    "/a?tel=%2B4930901820#x", "https://mara@example.com:pw@x.example/",
]  # fmt: skip
KEPT = [
    "/", "/pricing", "/products/4012345678901", "/2026/03/31/20260331", "/@mara/posts",
    "/maps/@52.5200,13.4050,15z", "/img/logo@2x.png", "/npm/react@18.2.0/umd", "/a+b+c", "/p/42",
    "https://www.google.com/search?q=crm+2026", "/price/+12.50", "/sku/B-0123",
]  # fmt: skip
CHOSEN = Settings.model_validate(
    {
        "sources": {
            "files": {
                "datasets": {
                    "events": {
                        "path": "e.csv", "format": "csv", "entity": "web_events", "key": ["id"],
                        "columns": {"event_id": "id", "device_id": "d", "url": "link",
                                    "referrer": "link", "path": "path", "utm_campaign": "link",
                                    "occurred_at": "at"},
                    },
                    "orders": {
                        "path": "o.csv", "format": "csv", "entity": "orders", "key": ["mail"],
                        "columns": {"email": "mail", "product_name": "what", "product_id": "sku",
                                    "ordered_at": "at", "amount": "sum"},
                    },
                    "subscriptions": {
                        "path": "s.csv", "format": "csv", "entity": "subscriptions",
                        "namespace": "shop",
                        "key": ["id"], "columns": {"subscription_id": "id", "email": "mail"},
                    },
                    "payments": {
                        "path": "p.csv", "format": "csv", "entity": "payments", "key": ["id"],
                        "namespace": "shop",
                        "columns": {"payment_id": "id", "subscription_id": "sub", "email": "mail",
                                    "failure_reason": "why"},
                    },
                }
            },
        }
    }
)  # fmt: skip


@pytest.fixture
def staged(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    ensure_tables(warehouse, CHOSEN)
    links = [*HIDDEN, *KEPT]
    events = {
        str(number): {"id": str(number), "d": "d", "link": link, "path": link.partition("?")[0],
                      "at": "2026-03-30T10:00:00Z"}
        for number, link in enumerate(links)
    }  # fmt: skip
    land(warehouse, "files__events", events, NIGHT, CHOSEN)
    order = {"mail": "mara@example.com", "what": "Gift for mara@example.com, +49 30 901820",
             "sku": "0012345678905", "at": "2026-03-30T10:00:00Z", "sum": "1"}  # fmt: skip
    land(warehouse, "files__orders", {"mara@example.com": order}, NIGHT, CHOSEN)
    key = "sub:mara@example.com"
    land(warehouse, "files__subscriptions", {key: {"id": key, "mail": "m@x.de"}}, NIGHT, CHOSEN)
    paid = {"id": "1", "sub": key, "mail": "m@x.de", "why": "card of mara@example.com declined"}
    land(warehouse, "files__payments", {"1": paid}, NIGHT, CHOSEN)
    run_dbt(
        "build", "--select", "+int_web_events_unioned", "+int_orders_unioned",
        "+int_subscriptions_unioned", "+int_payments_unioned", "+int_web_events_sessionised",
        "--exclude-resource-type", "unit_test", as_of=NIGHT, settings=CHOSEN,
    )  # fmt: skip
    return warehouse


def test_links_texts_and_ids_are_freed_of_contact_details(
    staged: psycopg.Connection[Any],
) -> None:
    rows = staged.execute(
        "select event_id, url, referrer, path, utm_campaign"
        " from intermediate.int_web_events_unioned order by substring(event_id from '[0-9]+$')::int"
    ).fetchall()
    for (_, *texts), given in zip(rows, [*HIDDEN, *KEPT], strict=True):
        if given in KEPT:
            assert texts[:2] == [given, given]
            continue
        for text in texts[:2]:
            assert "(contact)" in text, given
            assert not re.search("mara|m\u00e4ra|90.?1820|901820", text or "", re.IGNORECASE), text
    [(order, product, sku)] = staged.execute(
        "select order_id, product_name, product_id from intermediate.int_orders_unioned"
    ).fetchall()
    assert (product, sku) == ("Gift for (contact), (contact)", "0012345678905")
    assert re.fullmatch("[0-9a-f]{64}", order)
    [(reason, joined)] = staged.execute(
        "select failure_reason, subscriptions.subscription_id = payments.subscription_id"
        " from intermediate.int_payments_unioned as payments"
        " cross join intermediate.int_subscriptions_unioned as subscriptions"
    ).fetchall()
    assert (reason, joined) == ("card of (contact) declined", True)


def test_what_was_built_before_is_freed_by_the_migration(staged: psycopg.Connection[Any]) -> None:
    staged.execute("update intermediate.int_web_events_unioned set path = '/u/mara@example.com'")
    staged.execute(
        "update intermediate.int_web_events_sessionised"
        " set landing_path = '/reset/+4930901820', paths = '{/a,/u/mara@example.com,/b}'"
    )
    folder = Path(__file__).resolve().parents[2] / "plugins/rapport/warehouse/migrations"
    staged.execute((folder / "0026_links_without_contacts.sql").read_bytes())
    assert staged.execute(
        "select distinct path from intermediate.int_web_events_unioned"
    ).fetchall() == [("/u/(contact)",)]
    assert staged.execute(
        "select landing_path, paths from intermediate.int_web_events_sessionised"
    ).fetchall() == [("/reset/(contact)", ["/a", "/u/(contact)", "/b"])]


@pytest.mark.parametrize(
    "value", ["mara@example.com", "Call +49 30 901820", "/u/mara%40example.com"]
)
def test_the_guard_finds_a_contact_detail_in_any_text_column_of_any_mart(
    warehouse: psycopg.Connection[Any], value: str
) -> None:
    def failures() -> list[str]:
        outcome = dbt.invoke(["test", "--select", GUARD], load_settings(), NIGHT)
        return [str(result.status) for result in outcome.result.results]

    warehouse.execute(
        "create schema if not exists build;"
        "create table build.new_mart (id text, note text, notes text[], traits jsonb);"
        "insert into build.new_mart values ('c_1', '2026-03-31 10:00+02', '{/a+b}', '{\"a\": 1.5}')"
    )
    assert failures() == ["pass"]
    for column in ("note", "notes", "traits"):
        cast = {
            "note": "%s",
            "notes": "array['x', %s]",
            "traits": "jsonb_build_object('a', %s::text)",
        }
        warehouse.execute(f"update build.new_mart set {column} = {cast[column]}", (value,))
        assert failures() == ["fail"], column
        warehouse.execute(f"update build.new_mart set {column} = null")


def test_the_guard_runs_after_every_mart_of_the_last_layer() -> None:
    text = (PROJECT / "tests" / f"{GUARD}.sql").read_text(encoding="utf-8")
    models = {path.stem for path in (PROJECT / "models" / "predictions").glob("*.sql")}
    assert set(re.findall(r"ref\('(\w+)'\)", text)) == models

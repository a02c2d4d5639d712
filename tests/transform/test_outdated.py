"""Which models a run builds: on real tables, with a small graph in place of the project's."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from rapport.settings import load_settings
from rapport.transform.dbt import project
from rapport.transform.graph import Graph, Node, manifest_path
from rapport.transform.outdated import Basis, Plan
from rapport.transform.publish import published_tables
from rapport.warehouse import connect

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
BASIS = Basis("code", AS_OF, "Europe/Berlin")
Warehouse = psycopg.Connection[Any]


def node(name: str, kind: str, *parents: str, **meta: str) -> Node:
    layer, materialized = {
        "source": (None, ""),
        "view": ("staging", "view"),
        "table": ("marts", "table"),
        "incremental": ("marts", "incremental"),
        "test": (None, "test"),
    }[kind]
    made = Node(name=name, resource_type="model", schema="shop", tags=[layer] if layer else [])
    made.resource_type = kind if kind in ("source", "test") else "model"
    made.depends_on.nodes = list(parents)
    made.config.materialized = materialized
    made.config.meta = dict(meta)
    return made


NODES = {
    "orders": node("orders", "source"),
    "people": node("people", "source"),
    "loads": node("loads", "source", state="select count(*) from shop.loads where landed > 0"),
    "stg_orders": node("stg_orders", "view", "orders"),
    "fct_orders": node("fct_orders", "table", "stg_orders"),
    "dim_people": node("dim_people", "table", "people"),
    "int_events": node("int_events", "incremental", "loads", "people"),
    "mart_revenue": node("mart_revenue", "table", "fct_orders"),
    "mart_people": node("mart_people", "table", "dim_people", "int_events"),
    "orders_add_up": node("orders_add_up", "test", "fct_orders", "dim_people"),
    "orders_are_real": node("orders_are_real", "test", "stg_orders", "orders"),
}
GRAPH = Graph(NODES)
SQL = {
    "fct_orders": "select * from shop.stg_orders",
    "dim_people": "select * from shop.people",
    "mart_revenue": "select sum(id) as total from shop.fct_orders",
    "mart_people": "select (select count(*) from shop.dim_people) as people,"
    " (select count(*) from shop.int_events) as events",
}


def build(warehouse: Warehouse, layer: str = "marts", basis: Basis = BASIS) -> set[str]:
    """What a build does, without dbt; returns the models that were built."""
    plan = Plan.of(warehouse, GRAPH, layer, basis)
    for name in sorted(plan.models, key=list(NODES).index):
        make(warehouse, name)
    settle(warehouse)
    plan.note(warehouse)
    return set(plan.models)


def make(warehouse: Warehouse, name: str) -> None:
    if name == "stg_orders":
        warehouse.execute("create or replace view shop.stg_orders as select * from shop.orders")
    elif name == "int_events":
        warehouse.execute("create table if not exists shop.int_events (id int)")
        warehouse.execute("insert into shop.int_events select id from shop.loads where landed > 0"
                          " and id not in (select id from shop.int_events)")  # fmt: skip
    else:
        table = sql.Identifier("shop", name)
        warehouse.execute(sql.SQL("drop table if exists {}").format(table))
        warehouse.execute(sql.SQL("create table {} as {}").format(table, sql.SQL(SQL[name])))  # type: ignore[arg-type]


def settle(warehouse: Warehouse) -> None:
    """As a connection that ended: Postgres has counted what it wrote."""
    warehouse.execute("select pg_stat_force_next_flush()")


def land(warehouse: Warehouse, table: str, values: str) -> None:
    warehouse.execute(f"insert into shop.{table} values ({values})".encode())
    settle(warehouse)


@pytest.fixture
def shop(warehouse: Warehouse) -> Warehouse:
    warehouse.execute("""
        create schema shop;
        create table shop.orders (id int);
        create table shop.people (id int);
        create table shop.loads (id int, landed int);
        insert into shop.orders values (1);
    """)
    settle(warehouse)
    assert build(warehouse, "staging") == {"stg_orders"}
    assert len(build(warehouse)) == 5
    return warehouse


def test_nothing_is_built_if_nothing_changed(shop: Warehouse) -> None:
    assert build(shop, "staging") == set()
    assert build(shop) == set()
    later = replace(BASIS, as_of=AS_OF + timedelta(hours=8))
    assert build(shop, basis=later) == set(), "later on the same day"


def test_what_reads_a_changed_table_is_built_and_nothing_else(shop: Warehouse) -> None:
    land(shop, "orders", "2")
    assert build(shop, "staging") == {"stg_orders"}
    assert build(shop) == {"fct_orders", "mart_revenue"}
    assert shop.execute("select total from shop.mart_revenue").fetchone() == (3,)
    shop.execute("update shop.people set id = 1")
    assert build(shop) == set(), "no row was updated"
    for change in ("insert into shop.people values (1)", "update shop.people set id = 2",
                   "delete from shop.people", "truncate shop.people"):  # fmt: skip
        shop.execute(change.encode())
        settle(shop)
        assert build(shop) == {"dim_people", "int_events", "mart_people"}, change
        assert build(shop) == set()


def test_a_source_with_a_state_of_its_own_is_asked_for_it(shop: Warehouse) -> None:
    land(shop, "loads", "1, 0")
    assert build(shop) == set()
    land(shop, "loads", "2, 7")
    assert build(shop) == {"int_events", "mart_people"}


def test_another_day_another_code_or_a_run_of_the_past_builds_everything(shop: Warehouse) -> None:
    for basis in (
        replace(BASIS, as_of=AS_OF + timedelta(days=1)),
        replace(BASIS, as_of=datetime(2026, 3, 31, 22, 30, tzinfo=UTC)),  # April in Berlin
        replace(BASIS, code="new"),
        replace(BASIS, as_of=AS_OF - timedelta(hours=1)),
    ):
        assert len(Plan.of(shop, GRAPH, "marts", basis).models) == 5, basis
        assert Plan.of(shop, GRAPH, "marts", basis).is_whole


def test_a_table_that_is_gone_or_made_by_somebody_else_is_built_with_what_reads_it(
    shop: Warehouse,
) -> None:
    shop.execute("drop table shop.fct_orders")
    assert build(shop) == {"fct_orders", "mart_revenue"}
    make(shop, "dim_people")
    assert build(shop) == {"dim_people", "mart_people"}


def test_what_is_written_during_a_build_is_read_by_the_next(shop: Warehouse) -> None:
    land(shop, "orders", "2")
    plan = Plan.of(shop, GRAPH, "staging", BASIS)
    make(shop, "stg_orders")
    plan.note(shop)
    plan = Plan.of(shop, GRAPH, "marts", BASIS)
    for name in ("fct_orders", "mart_revenue"):
        make(shop, name)
    land(shop, "orders", "10")
    plan.note(shop)
    assert build(shop, "staging") == {"stg_orders"}
    assert build(shop) == {"fct_orders", "mart_revenue"}
    assert shop.execute("select total from shop.mart_revenue").fetchone() == (13,)


def test_a_build_that_is_killed_or_fails_is_done_again(shop: Warehouse) -> None:
    land(shop, "people", "1")
    plan = Plan.of(shop, GRAPH, "marts", BASIS)
    make(shop, "dim_people")  # and no more
    assert build(shop) == plan.models


def test_without_counts_everything_is_built(shop: Warehouse, superuser: str) -> None:
    assert not Plan.of(shop, GRAPH, "marts", BASIS).models
    with psycopg.connect(superuser, dbname=shop.info.dbname) as other:
        other.execute("set track_counts = off")
        assert Plan.of(other, GRAPH, "marts", BASIS).is_whole


def test_the_tests_of_what_is_built_run_once_all_that_they_read_is_there(shop: Warehouse) -> None:
    land(shop, "people", "1")
    assert Plan.of(shop, GRAPH, "marts", BASIS).selection == [
        "--select", "dim_people", "int_events", "mart_people", "orders_add_up",
        "--indirect-selection", "empty",
    ]  # fmt: skip
    assert GRAPH.tests_of({"stg_orders"}, "staging") == ["orders_are_real"]


def test_any_order_of_changes_gives_the_tables_of_a_whole_build(shop: Warehouse) -> None:
    dice = random.Random(7)
    changes = (
        "insert into shop.orders values (3)", "delete from shop.orders where id = 3",
        "insert into shop.people values (3)", "update shop.people set id = id + 1",
        "insert into shop.loads select count(*) + 1, 1 from shop.loads", "truncate shop.people",
        "drop table shop.mart_people", "select 1",
    )  # fmt: skip
    for _ in range(40):
        for change in dice.sample(changes, dice.randrange(3)):
            shop.execute(change.encode())
        settle(shop)
        build(shop, "staging")
        build(shop)
        for name, query in SQL.items():
            rows = (
                f"select * from shop.{name} order by 1",
                f"select * from ({query}) as q order by 1",
            )
            built, wanted = (shop.execute(text.encode()).fetchall() for text in rows)
            assert built == wanted, name


def test_a_worker_without_a_manifest_or_with_a_strange_one_reads_the_project(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))
    graph, basis = project(load_settings(), AS_OF)
    published = {table.name for table in published_tables(graph)}
    assert {"dim_customers", "mart_nps_daily"} <= published
    manifest_path().write_text('{"nodes": {}, "sources": {}}')
    manifest_path().with_name("manifest.sha256").write_text("of another version")
    graph, _ = project(load_settings(), AS_OF)
    assert {table.name for table in published_tables(graph)} == published
    assert project(load_settings(), AS_OF)[1] == basis


def test_rows_are_counted_once_their_connection_is_closed(shop: Warehouse) -> None:
    for _ in range(30):
        with connect() as writer:
            writer.execute("insert into shop.people values (1)")
        assert build(shop) == {"dim_people", "int_events", "mart_people"}

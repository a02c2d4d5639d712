"""Every entity by every way in ends at a customer with an address, on a fact and on the card."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyarrow
import pytest
from pyarrow import parquet
from tests.connectors.files.workbooks import xlsx
from tests.dbt_project.conftest import prepared
from tests.own_data import AS_OF, OwnData

from rapport.card.read import look_up
from rapport.runs.run import join
from rapport.settings import load_settings
from rapport.transform.graph import Graph, manifest_path
from rapport.transform.publish import publish, published_tables
from rapport.warehouse import url

# A row of each entity: its own columns, whose names are the canonical ones.
ROWS: dict[str, dict[str, str]] = {
    "contacts": {"full_name": "Ann Ash", "created_at": "2026-02-01T10:00:00Z"},
    "orders": {"order_id": "1", "ordered_at": "2026-02-01T10:00:00Z", "amount": "12.50"},
    "subscriptions": {"subscription_id": "1", "status": "active", "amount": "9.99",
                      "started_at": "2026-02-01T10:00:00Z"},
    "payments": {"payment_id": "1", "status": "failed", "amount": "9.99",
                 "attempted_at": "2026-02-01T10:00:00Z"},
    "conversations": {"conversation_id": "1", "status": "open", "subject": "Help",
                      "created_at": "2026-02-01T10:00:00Z"},
    "survey_responses": {"response_id": "1", "metric": "nps", "score": "9",
                         "responded_at": "2026-02-01T10:00:00Z"},
    "web_events": {"event_id": "1", "event_name": "page_view", "path": "/a",
                   "occurred_at": "2026-02-01T10:00:00Z"},
    "consent_events": {"event_id": "1", "status": "granted", "channel": "email",
                       "purpose": "marketing", "occurred_at": "2026-02-01T10:00:00Z"},
    "message_events": {"event_id": "1", "message_id": "1", "event_type": "opened",
                       "occurred_at": "2026-02-01T10:00:00Z"},
}  # fmt: skip
FACTS = {
    "contacts": "dim_customers", "orders": "fct_orders", "subscriptions": "fct_subscriptions",
    "payments": "fct_payments", "conversations": "fct_conversations",
    "survey_responses": "fct_survey_responses", "web_events": "fct_web_sessions",
    "consent_events": "dim_consents", "message_events": "fct_touchpoints",
}  # fmt: skip
FILES = ("csv", "ndjson", "parquet", "sheet")
KEYS = {"contacts": ["customer_id"]}
WAYS = (*FILES, "table", "query")


pytestmark = pytest.mark.slow


def address(entity: str, way: str) -> str:
    return f"{entity}.{way}@ways.example".replace("_", "-")


def row_of(entity: str, way: str) -> dict[str, str]:
    return {"customer_id": "7", "email": address(entity, way), **ROWS[entity]}


def file_of(company: OwnData, entity: str, way: str) -> str:
    row = row_of(entity, way)
    names, cells = list(row), list(row.values())
    path = str(company.folder / f"{entity}.{way}")
    if way == "csv":
        return company.put(f"{entity}.csv", ",".join(names) + "\n" + ",".join(cells) + "\n")
    if way == "ndjson":
        return company.put(f"{entity}.ndjson", json.dumps(row) + "\n")
    if way == "sheet":
        return company.put(f"{entity}.xlsx", xlsx({"Sheet1": [names, cells]}))
    parquet.write_table(pyarrow.Table.from_pylist([row]), path)
    return path


def table_of(connection: psycopg.Connection[Any], entity: str, way: str) -> dict[str, str]:
    row = row_of(entity, way)
    columns = ", ".join(f"{name} text" for name in row)
    values = ", ".join(["%s"] * len(row))
    name = f"{entity}_{way}"
    connection.execute(f"create table shop.{name} ({columns})")  # type: ignore[call-overload]
    connection.execute(f"insert into shop.{name} values ({values})", list(row.values()))  # type: ignore[call-overload]
    return {"table": f"shop.{name}"} if way == "table" else {"query": f"select * from shop.{name}"}


def login() -> str:
    """The connection to the database of the test itself."""
    parts = urlsplit(url())
    fields = {
        "conn_type": "postgres", "host": parts.hostname, "port": parts.port,
        "login": parts.username, "password": parts.password, "schema": parts.path[1:],
    }  # fmt: skip
    return json.dumps(fields)


@pytest.fixture(scope="module")
def company(
    postgres: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OwnData]:
    found: list[OwnData] = []

    def prepare(connection: psycopg.Connection[Any]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            company = OwnData(tmp_path_factory.mktemp("ways"), patch, connection)
            found.append(company)
            connection.execute("create schema shop")
            patch.setitem(os.environ, "AIRFLOW_CONN_POSTGRES", login())
            datasets: dict[str, Any] = {}
            tables: dict[str, Any] = {}
            for entity in ROWS:
                for way in WAYS:
                    name = f"{entity}_{way}"
                    key = KEYS.get(entity, [next(iter(ROWS[entity]))])
                    mapped = {
                        "entity": entity, "namespace": name, "key": key,
                        "columns": {column: column for column in row_of(entity, way)},
                    }  # fmt: skip
                    if way in FILES:
                        path = file_of(company, entity, way)
                        datasets[name] = {**mapped, "path": path, "format": way}
                    else:
                        tables[name] = {**mapped, **table_of(connection, entity, way)}
            sources = {"files": {"datasets": datasets}, "postgres": {"tables": tables}}
            company.land(sources)
            assert company.errors == []
            company.build()
            built = [
                table
                for table in published_tables(Graph.read(manifest_path()))
                if company.read(f"select to_regclass('{'.'.join(table.built)}')") != [(None,)]
            ]
            run = join(AS_OF, load_settings())
            publish(run_id=run.run_id, as_of=run.as_of, tables=built)

    with prepared(postgres, template, prepare):
        yield found[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("entity", ROWS)
def test_a_row_ends_at_a_customer_with_an_address(
    company: OwnData, entity: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_CONFIG", str(company.folder / "rapport.yml"))
    mail = address(entity, way)
    found = company.connection.execute(
        "select customer_id from marts_pii.dim_customer_contacts where email = %s", (mail,)
    ).fetchall()
    assert len(found) == 1
    (customer,) = found[0]
    facts = company.connection.execute(
        f"select count(*) from marts.{FACTS[entity]} where customer_id = %s",  # type: ignore[call-overload]
        (customer,),
    ).fetchone()
    assert facts is not None and facts[0] >= 1
    card = look_up(company.connection, mail, load_settings()).card
    assert card is not None and mail in [one.value for one in card.who.contact]


def test_a_company_without_files_has_customers(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = OwnData(tmp_path, monkeypatch, warehouse)
    warehouse.execute("create schema shop")
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES", login())
    row = row_of("contacts", "table")
    table = {
        "entity": "contacts", "key": ["customer_id"], "columns": {name: name for name in row},
        **table_of(warehouse, "contacts", "table"),
    }  # fmt: skip
    fields = {"people": {"tier": "full_name"}}
    company.land({"postgres": {"tables": {"people": table}, "custom_fields": fields}})
    company.build()
    assert company.read("select email from build_pii.dim_customer_contacts") == [
        (address("contacts", "table"),)
    ]
    assert company.read("select custom_fields ->> 'tier' from build.dim_customers") == [
        ("Ann Ash",)
    ]

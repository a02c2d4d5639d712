"""Every source at once: each stream has rows, and every staging model builds on them."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.everything import settings

from rapport.connectors import all_sources
from rapport.landing import ensure_tables, ingest
from rapport.paths import var_dir
from rapport.settings import load_settings
from rapport.transform import dbt
from rapport_sandbox.lifecycle import ensure_company, ensure_running, stop

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


# The other database is the warehouse's own here.
PARTNER = """
create schema partner;
create table partner.orders (
    id text primary key, customer text, ordered_at timestamptz, amount numeric, currency text,
    changed_at timestamptz
);
insert into partner.orders
values ('x1', 'u_0000003', '2026-03-01', 12.50, 'EUR', '2026-03-01');
"""


# What any survey tool exports: a question a column.
EXPORTED = """id,customer,at,How likely are you to recommend us?,Easy?,why
a1,u_0000003,2026-03-02T10:00:00Z,9,5 - rather easy,Good
a2,u_0000004,2026-03-02T11:00:00Z,11,,
"""

KNOWN = "every_staged_value_is_one_that_the_models_know"
# A value that no model knows.
SAID = """
update raw.zendesk__tickets set payload = jsonb_set(payload, '{priority}', '"medium"')
"""


@pytest.fixture
def everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: psycopg.Connection[Any]
) -> Iterator[None]:
    """A sandbox of its own, with every source switched on."""
    warehouse.execute(PARTNER)
    (tmp_path / "exported.csv").write_text(EXPORTED)
    monkeypatch.setenv("AIRFLOW_CONN_POSTGRES", os.environ["AIRFLOW_CONN_WAREHOUSE"])
    file = tmp_path / "rapport.yml"
    file.write_text(yaml.safe_dump(settings()).replace("var/sandbox", str(tmp_path)))
    monkeypatch.setenv("RAPPORT_CONFIG", str(file))
    ensure_company(tmp_path, people=200, seed=1, start=date(2026, 3, 31))
    monkeypatch.setenv("RAPPORT_SANDBOX_URL", ensure_running(tmp_path))
    yield
    stop(tmp_path)


@pytest.mark.timeout(1200)  # all vendors in turn, then dbt
def test_every_stream_of_every_source_lands_and_every_staging_model_builds(
    everything: None, warehouse: psycopg.Connection[Any]
) -> None:
    enabled = load_settings().enabled("sources")
    assert set(enabled) == set(all_sources())
    ensure_tables(warehouse, load_settings())
    for name in enabled:
        for result in ingest(name, run_id="20260331T030000Z-01", as_of=NIGHT):
            assert result.landed > 0, f"{name}.{result.stream} is empty"
            assert result.rejected == 0, f"{name}.{result.stream}"
    counted = warehouse.execute("select source, at_vendor, landed from raw.completeness").fetchall()
    assert "hubspot" in {source for source, at_vendor, _ in counted if at_vendor}
    assert "intercom" in {source for source, _, _ in counted}
    assert [row for row in counted if row[1] > row[2]] == [], "less than the vendor counts"
    dbt.build("staging", as_of=NIGHT)
    views = warehouse.execute(
        "select table_name from information_schema.views where table_schema = 'staging'"
        " and table_name not like 'stg_files_%'"  # of which there are rows, rapport.yml says
    ).fetchall()
    answers = warehouse.execute(
        "select response_id, metric, scale, score from staging.stg_files__survey_responses"
        " where score is not null order by 1, 2"
    )
    assert answers.fetchall() == [("shop:a1", "ces", "1-7", 5), ("shop:a1", "nps", "0-10", 9)]
    orders = warehouse.execute("select source, profile_id from staging.stg_files__orders")
    assert ("postgres", "files:shop:u_0000003") in orders.fetchall()
    assert {view.split("__")[0].removeprefix("stg_") for (view,) in views} >= set(enabled) - {
        "files",
        "postgres",
    }
    empty = [
        view
        for (view,) in views
        if not warehouse.execute(f"select 1 from staging.{view} limit 1").fetchone()
    ]
    assert empty == [], "staging models without a row"
    assert unknown_values(warehouse) == []
    warehouse.execute(SAID)
    with_scale(warehouse, "stg_typeform__survey_responses", "103")
    assert unknown_values(warehouse) == [
        ("typeform", "stg_typeform__survey_responses.scale", "103"),
        ("zendesk", "stg_zendesk__conversations.priority", "medium"),
    ]
    # It is said in the run, and stops nothing.
    dbt.build("staging", as_of=NIGHT)


def unknown_values(warehouse: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Source, column and value of what dbt's test finds in the staging models as they are now."""
    (compiled,) = (var_dir() / "dbt" / "target" / "compiled").rglob(f"{KNOWN}.sql")
    rows = warehouse.execute(compiled.read_text()).fetchall()  # type: ignore[arg-type]
    return sorted(row[:3] for row in rows)


def with_scale(warehouse: psycopg.Connection[Any], model: str, scale: str) -> None:
    """The model as it would be if it made another scale of every answer."""
    found = warehouse.execute(
        "select pg_get_viewdef(%s::regclass), array_agg(column_name::text order by"
        " ordinal_position) from information_schema.columns"
        " where table_schema = 'staging' and table_name = %s",
        [f"staging.{model}", model],
    ).fetchone()
    assert found is not None
    made = [f"'{scale}'::text as scale" if name == "scale" else name for name in found[1]]
    warehouse.execute(
        f"create or replace view staging.{model} as"  # type: ignore[arg-type]
        f" select {', '.join(made)} from ({found[0].rstrip(';')}) as as_it_is"
    )

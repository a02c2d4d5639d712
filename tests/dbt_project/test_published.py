"""What readers get: metrics by MetricFlow, comments for BI tools, and late answers that show."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg import errors
from tests.conftest import point_to
from typer.testing import CliRunner

from rapport.cli import application
from rapport.transform import publish
from rapport.transform.graph import Graph, manifest_path
from rapport.transform.publish import Published, published_tables

from .conftest import Connection, prepared, read, run_dbt, staged
from .crowd import land_the_crowd
from .landed import NEXT_NIGHT, NIGHT, know_everybody, land

pytestmark = pytest.mark.slow

MODELS = ("+mart_restatements", "+mart_nps_daily", "+dim_date")
QUIET = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
LATE = {
    "token": "late",
    "form_id": "f",
    "submitted_at": "2026-03-20T12:00:00Z",
    "hidden": {"user_id": "u_1"},
    "answers": [{"type": "number", "number": 10, "field": {"ref": "nps"}}],
}


@pytest.fixture(scope="module")
def twice(postgres: str, template: str) -> Iterator[Connection]:
    """The random people after two nights; in the second an old answer came in."""

    def prepare(connection: Connection) -> None:
        land_the_crowd(connection)
        night(connection, NIGHT)
        land(connection, "typeform__responses", {"late": LATE}, NEXT_NIGHT)
        night(connection, NEXT_NIGHT)

    with prepared(postgres, template, prepare) as connection:
        yield connection


def all_published() -> list[Published]:
    return published_tables(Graph.read(manifest_path()))


def night(connection: Connection, as_of: datetime) -> None:
    """Build what the questions need, and publish it."""
    run_dbt("build", "--select", "tag:staging", *QUIET, as_of=as_of)
    know_everybody(connection)
    run_dbt("build", "--select", *MODELS, *QUIET, as_of=as_of)
    run_id = f"{as_of:%Y%m%d}"
    connection.execute(
        "insert into ops.nights (run_id, as_of, status) values (%s, %s, 'succeeded')",
        (run_id, as_of),
    )
    built = read(connection, "select table_name from information_schema.tables")
    tables = [table for table in all_published() if table.name in set(built.table_name)]
    publish(run_id=run_id, as_of=as_of, tables=tables)


@pytest.fixture
def at(twice: Connection, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """The same, as the warehouse of commands."""
    point_to(monkeypatch, postgres, twice.info.dbname)
    return twice


def test_a_late_answer_restates_its_day_and_the_restatement_shows(twice: Connection) -> None:
    restated = read(twice, "select * from marts.mart_restatements where metric = 'nps'")
    assert len(restated) == 1
    row = restated.iloc[0]
    assert (row.metric, str(row.metric_date)) == ("nps", "2026-03-20")
    assert row.restated_as_of == NEXT_NIGHT
    assert row.n_after == row.n_before + 1
    total = float(row.average_before or 0) * row.n_before + 100
    assert float(row.average_after) == pytest.approx(total / row.n_after, abs=1e-3)
    day = read(twice, "select * from marts.mart_nps_daily where response_date = '2026-03-20'")
    assert float(day.nps[0]) == pytest.approx(float(row.average_after), abs=0.01)


def test_metricflow_answers_for_three_metrics_from_the_published_marts(
    at: Connection, tmp_path: Path
) -> None:
    answers = staged(at, "survey_responses", "responded_at")
    at.execute("alter schema build rename to build_of_tonight")
    try:
        file = tmp_path / "metrics.csv"
        asked = ["mf", "query", "--quiet", "--metrics", "nps,csat_1_5,ces", "--csv", str(file)]
        result = CliRunner().invoke(
            application, [*asked, "--group-by", "metric_time__month,customer__country"]
        )
        assert result.exit_code == 0, result.output
    finally:
        at.execute("alter schema build_of_tonight rename to build")
    found = pd.read_csv(file)
    assert len(found) > 15
    country = read(at, "select customer_id, country from marts.dim_customers").set_index(
        "customer_id"
    )
    answers["country"] = answers.customer_id.map(country.country)
    answers["month"] = [f"{day:%Y-%m-01}" for day in answers.day]
    answers["score"] = answers.score.astype(float)
    nps = answers[answers.metric == "nps"]
    worth = nps.score.map(lambda score: 100 if score >= 9 else -100 if score <= 6 else 0)
    csat = answers.query("metric == 'csat' and scale == '1-5'")
    expected = {
        "nps": worth.groupby([nps.month, nps.country]).mean(),
        "csat_1_5": (csat.score >= 4).groupby([csat.month, csat.country]).mean(),
        "ces": answers[answers.metric == "ces"].groupby(["month", "country"]).score.mean(),
    }
    for row in found.dropna().itertuples():
        key = (str(row.metric_time__month)[:10], row.customer__country)
        for metric, figures in expected.items():
            assert getattr(row, metric) == pytest.approx(figures[key], abs=1e-4), (metric, key)


def test_a_reader_for_bi_sees_marts_and_what_they_mean_and_nothing_else(
    twice: psycopg.Connection[Any],
) -> None:
    with twice.transaction(force_rollback=True):
        twice.execute("set local role bi_reader")
        seen = read(
            twice,
            "select relname, obj_description(oid) as comment,"
            " (select count(*) from pg_attribute where attrelid = pg_class.oid and attnum > 0"
            "  and not attisdropped and col_description(attrelid, attnum) is null) as silent"
            " from pg_class where relnamespace = 'marts'::regnamespace and relkind = 'r'",
        )
        assert {"mart_nps_daily", "dim_customers", "mart_restatements"} <= set(seen.relname)
        assert seen.comment.str.startswith("One row per").all()
        assert (seen.silent == 0).all()
        assert read(twice, "select count(*) as n from marts.mart_nps_daily").n[0] > 100
    for table in ("marts_pii.dim_customer_contacts", "build.dim_customers", "comments.judgements"):
        with twice.transaction(force_rollback=True):
            twice.execute("set local role bi_reader")
            with pytest.raises(errors.InsufficientPrivilege):
                twice.execute(f"select from {table}")


def test_publication_leaves_comments_that_did_not_change(at: Connection) -> None:
    marks = (
        "select objoid, objsubid, xmin::text from pg_description"
        " where objoid = 'marts.mart_nps_daily'::regclass order by objsubid"
    )
    kept = read(at, marks)
    assert len(kept) > 10
    tables = [table for table in all_published() if table.name == "mart_nps_daily"]
    at.execute(
        "insert into ops.nights (run_id, as_of, status) values ('third', %s, 'succeeded')",
        (NEXT_NIGHT,),
    )
    publish(run_id="third", as_of=NEXT_NIGHT, tables=tables)
    pd.testing.assert_frame_equal(kept, read(at, marks))

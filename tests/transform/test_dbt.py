"""What an invocation of dbt leaves behind."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from rapport.errors import GateFailed
from rapport.settings import load_settings
from rapport.transform import dbt

METRIC = """
models:
  - name: days
    semantic_model: true
    primary_entity: visit
    agg_time_dimension: visited_on
    time_spine: {standard_granularity_column: visited_on}
    metrics: [{name: visits, label: %s, type: simple, agg: sum, expr: visits}]
    columns: [{name: visited_on, granularity: day, dimension: {type: time}}]
"""
CANARY = "canary.person@example.com"


def test_a_model_that_fails_on_a_row_does_not_write_the_row_down(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, var = tmp_path / "project", tmp_path / "var"
    (project / "models").mkdir(parents=True)
    profiles = dbt.project_dir() / "profiles.yml"
    (project / "profiles.yml").write_text(profiles.read_text())
    (project / "dbt_project.yml").write_text("{name: small, version: 1.0.0, profile: rapport}")
    model = "{{ config(tags='marts', materialized='table') }} select email::int from people"
    (project / "models" / "broken.sql").write_text(model)
    warehouse.execute(f"create table people as select '{CANARY}' as email".encode())
    monkeypatch.setattr(dbt, "project_dir", lambda: project)
    monkeypatch.setenv("RAPPORT_VAR", str(var))
    with pytest.raises(GateFailed, match="broken") as caught:
        dbt.build("marts", as_of=datetime(2026, 3, 31, 3, tzinfo=UTC))
    assert CANARY not in str(caught.value)
    written = [path for path in var.rglob("*") if path.is_file()]
    assert any(path.name == "run_results.json" for path in written)
    assert [path.name for path in written if CANARY.encode() in path.read_bytes()] == []


def test_the_nights_time_is_no_variable_so_that_dbt_need_not_parse_again() -> None:
    settings = load_settings()
    assert "as_of" not in dbt.variables(settings)
    with dbt.adjusted_environment(datetime(2026, 3, 31, 3, tzinfo=UTC)):
        assert os.environ["RAPPORT_AS_OF"] == "2026-03-31T03:00:00+00:00"
    assert "RAPPORT_AS_OF" not in os.environ


def test_a_changed_metric_is_parsed_afresh(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "profiles.yml").write_text((dbt.project_dir() / "profiles.yml").read_text())
    (project / "dbt_project.yml").write_text("{name: small, version: 1.0.0, profile: rapport}")
    (project / "models" / "days.sql").write_text("select current_date as visited_on, 1 as visits")
    monkeypatch.setattr(dbt, "project_dir", lambda: project)
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    for label in ("Visits", "All visits"):
        (project / "models" / "days.yml").write_text(METRIC % label)
        outcome = dbt.invoke(["parse"], load_settings(), datetime(2026, 3, 31, 3, tzinfo=UTC))
        assert outcome.success, outcome.exception
        assert outcome.result.metrics["metric.small.visits"].label == label


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seg_bad.sql", "select customer_id from {{ ref('fct_nothing') }}"),
        ("seg_bad.sql", "select customer_id from {{ ref('people' "),
        ("seg_bad.sql", "selekt customer_id from people"),
        ("seg_bad.yml", "models: [{name: seg_bad"),
    ],
    ids=["unknown model", "open bracket", "wrong word", "wrong yaml"],
)
def test_a_segment_that_cannot_be_built_is_left_aside_and_the_others_are_built(
    warehouse: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
) -> None:
    project = tmp_path / "project"
    folder = project / "models" / "segments"
    folder.mkdir(parents=True)
    (project / "profiles.yml").write_text((dbt.project_dir() / "profiles.yml").read_text())
    (project / "dbt_project.yml").write_text(
        "{name: small, version: 1.0.0, profile: rapport, models: {+tags: segments}}"
    )
    for segment in ("seg_bad", "seg_good", "seg_other"):
        (folder / f"{segment}.sql").write_text("select 'c1' as customer_id")
    (folder / name).write_text(text)
    monkeypatch.setattr(dbt, "project_dir", lambda: project)
    monkeypatch.setattr(dbt, "ROLES", {})
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    built = dbt.build("segments", as_of=datetime(2026, 3, 31, 3, tzinfo=UTC), stop_on_failure=False)
    assert built["failed"] == ["seg_bad"]
    views = warehouse.execute("select viewname from pg_views where viewname like 'seg_%'")
    assert {"seg_good", "seg_other"} == {view for (view,) in views.fetchall()} - {"seg_bad"}
    (folder / name).unlink()
    (folder / "seg_bad.sql").write_text("select 'c1' as customer_id")
    mended = dbt.build("segments", as_of=datetime(2026, 3, 31, 3, tzinfo=UTC))
    assert (mended["failed"], mended["models"]) == ([], 3)

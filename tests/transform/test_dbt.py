"""What an invocation of dbt leaves behind."""

import os
import shutil
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
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
PROJECT = dbt.project_dir()
BAD = {
    "seg_hook.sql": "{{ config(pre_hook='create schema trapped') }} select 1 as customer_id",
    "seg_secret.sql": "select '{{ env_var('PATH') }}' as customer_id",
    "seg_open_bracket.sql": "select customer_id from {{ ref('people' ",
    "seg_wrong_date.yml": "models: [{name: seg_wrong_date, config: {meta: {a: 2028-13-31}}}]",
    "seg_wrong_yaml.yml": "models: [{name: seg_wrong_yaml",
}


def small_project(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """A project of its own, which is the one that dbt runs; what it leaves is in `var` beside."""
    project = folder / "project"
    (project / "models").mkdir(parents=True)
    (project / "profiles.yml").write_text((PROJECT / "profiles.yml").read_text())
    (project / "dbt_project.yml").write_text(
        "{name: small, version: 1.0.0, profile: rapport, models: {+tags: marts}}"
    )
    patch.setattr(dbt, "project_dir", lambda: project)
    patch.setenv("RAPPORT_VAR", str(folder / "var"))
    return project


def test_a_model_that_fails_on_a_row_does_not_write_the_row_down(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_project(tmp_path, monkeypatch)
    model = "{{ config(materialized='table') }} select email::int from people"
    (project / "models" / "broken.sql").write_text(model)
    warehouse.execute(f"create table people as select '{CANARY}' as email".encode())
    with pytest.raises(GateFailed, match="broken") as caught:
        dbt.build("marts", as_of=AS_OF)
    assert CANARY not in str(caught.value)
    written = [path for path in (tmp_path / "var").rglob("*") if path.is_file()]
    assert any(path.name == "run_results.json" for path in written)
    assert [path.name for path in written if CANARY.encode() in path.read_bytes()] == []


def test_the_nights_time_is_no_variable_so_that_dbt_need_not_parse_again() -> None:
    settings = load_settings()
    assert "as_of" not in dbt.variables(settings)
    with dbt.adjusted_environment(AS_OF):
        assert os.environ["RAPPORT_AS_OF"] == "2026-03-31T03:00:00+00:00"
    assert "RAPPORT_AS_OF" not in os.environ


def test_how_old_a_stale_source_is_stands_in_rapport_yml_alone(
    warehouse: psycopg.Connection[Any],
) -> None:
    """Lists are frozen by the same hours by which the marts call a source stale, also by more."""
    given = load_settings()
    settings = given.model_copy(update={"activation": {"stale_after_hours": 60}})
    outcome = dbt.invoke(["compile", "--select", "data_status"], settings, AS_OF)
    assert outcome.success, outcome.exception
    (compiled,) = [result.node.compiled_code for result in outcome.result.results]
    assert "interval '60 hours'" in compiled
    assert dbt.variables(load_settings())["stale_after_hours"] == 36
    assert "stale_after_hours" not in (PROJECT / "dbt_project.yml").read_text()


def test_a_changed_metric_is_parsed_afresh(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_project(tmp_path, monkeypatch)
    (project / "models" / "days.sql").write_text("select current_date as visited_on, 1 as visits")
    for label in ("Visits", "All visits"):
        (project / "models" / "days.yml").write_text(METRIC % label)
        outcome = dbt.invoke(["parse"], load_settings(), AS_OF)
        assert outcome.success, outcome.exception
        assert outcome.result.metrics["metric.small.visits"].label == label


def test_a_view_is_made_anew_only_where_its_statement_changed_or_it_is_gone(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = small_project(tmp_path, monkeypatch)
    (project / "macros").mkdir()
    macro = "macros/view.sql"
    (project / macro).write_text((PROJECT / macro).read_text())
    base = project / "models" / "base.sql"
    base.write_text("{{ config(materialized='table') }} select 1 as number")
    view = project / "models" / "seen.sql"
    view.write_text("select number from {{ ref('base') }}")

    def built(*args: str) -> int:
        outcome = dbt.invoke(["build", *args], load_settings(), AS_OF)
        assert outcome.success, outcome.exception
        row = warehouse.execute("select oid from pg_class where relname = 'seen'").fetchone()
        assert row
        return int(row[0])

    first = built()
    assert built("--select", "seen") == first
    anew = built("--select", "seen", "--full-refresh")
    assert anew != first
    # The table is another one now: Postgres dropped what read the former one.
    after = built()
    assert after != anew
    view.write_text("select number + 1 as number from {{ ref('base') }}")
    changed = built("--select", "seen")
    assert changed != after
    assert warehouse.execute("select number from build.seen").fetchall() == [(2,)]
    view.write_text(
        "{{ config(grants={'select': ['bi_reader']}) }} "
        "select number + 1 as number from {{ ref('base') }}"
    )
    assert built("--select", "seen") != changed
    may = "select has_table_privilege('bi_reader', 'build.seen', 'select')"
    assert warehouse.execute(may).fetchall() == [(True,)]


@pytest.mark.parametrize("has_links", [False, True])
def test_dbt_reads_no_file_of_a_segment(
    warehouse: psycopg.Connection[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_links: bool,
) -> None:
    project = small_project(tmp_path, monkeypatch)
    shutil.copy(PROJECT / ".dbtignore", project)
    (project / "models" / "base.sql").write_text("select 1 as number")
    folder = project / "models" / "segments"
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "linked.sql").write_text("{{ config(pre_hook='create schema trapped') }} select 1")
    if has_links:
        (folder / "more").symlink_to(elsewhere)
        (folder / "seg_link.sql").symlink_to("/nonexistent")
    for name, text in BAD.items():
        (folder / name).write_text(text)
    outcome = dbt.invoke(["build"], load_settings(), AS_OF)
    assert outcome.success, outcome.exception
    assert {result.node.name for result in outcome.result} == {"base"}
    assert warehouse.execute("select to_regnamespace('trapped')").fetchone() == (None,)

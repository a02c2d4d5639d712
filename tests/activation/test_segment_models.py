"""The shipped segments: their files, their unit tests, and where they read from."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from rapport.activation.segments import unit_tests
from rapport.activation.segments.declarations import load
from rapport.activation.segments.reading import Reader
from rapport.settings import load_settings
from rapport.transform import dbt
from rapport.transform.segment_files import FOLDER

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SEGMENTS = sorted((ROOT / FOLDER).glob("*.sql"))
AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)


@pytest.fixture
def built(warehouse: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A warehouse with every model built from no rows, published as the night would."""
    models = ["--select", "tag:staging", "tag:identity", "tag:marts", "tag:predictions"]
    assert dbt.invoke(["seed"], load_settings(), AS_OF).success
    outcome = dbt.invoke(["run", *models], load_settings(), AS_OF)
    failed = [r.node.name for r in outcome.result or [] if r.status not in ("success", "skipped")]
    assert outcome.success, failed or outcome.exception
    warehouse.execute("create schema if not exists marts")
    warehouse.execute("create schema if not exists marts_pii")
    tables = warehouse.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('build', 'build_pii')"
    ).fetchall()
    for schema, table in tables:
        published = schema.replace("build", "marts")
        warehouse.execute(f'create table {published}."{table}" (like {schema}."{table}")')
    return warehouse


def test_there_are_segments_and_none_has_a_problem() -> None:
    definitions = load(ROOT / FOLDER)
    assert len(definitions.segments) == len(SEGMENTS) >= 4
    assert definitions.problems == {}


@pytest.mark.parametrize("path", SEGMENTS, ids=lambda path: path.stem)
def test_a_segment_is_short_and_says_its_conditions(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 25
    assert "now()" not in text
    head, _, last = text.rpartition("\nselect ")
    assert re.search(r"\bconditions as \(", head)
    assert re.search(r"\nfrom conditions\nwhere ", last)
    asked = re.findall(r"\b(?:is|has)_\w+", last.split("where", 1)[1])
    assert asked
    assert all(re.search(rf"as {name}\b", head) for name in asked)


@pytest.mark.parametrize("path", SEGMENTS, ids=lambda path: path.stem)
def test_a_segment_has_a_unit_test(path: Path) -> None:
    content = yaml.safe_load(path.with_suffix(".yml").read_text())
    assert [test["model"] for test in content["unit_tests"]] == [path.stem]


def test_segments_pass_their_unit_tests_as_the_login_of_segments(
    built: psycopg.Connection[Any],
) -> None:
    definitions = load(ROOT / FOLDER)
    with Reader(unit_tests.AS_OF) as reader:
        outcomes = [
            outcome
            for segment in definitions.segments.values()
            for outcome in unit_tests.run(reader, segment)
        ]
    assert [outcome for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == len(SEGMENTS)


def test_a_unit_test_that_expects_something_else_fails(
    built: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(ROOT / "dbt_project" / "models", home / "dbt_project" / "models")
    shutil.copy(ROOT / "rapport.yml", home)
    path = home / FOLDER / "seg_open_ticket.yml"
    path.write_text(path.read_text().replace("open_tickets: 2", "open_tickets: 3"))
    monkeypatch.setenv("RAPPORT_HOME", str(home))
    segment = load(home / FOLDER).segments["open_ticket"]
    with Reader(unit_tests.AS_OF) as reader:
        (outcome,) = unit_tests.run(reader, segment)
    assert not outcome.passed
    assert outcome.problem == "1 expected rows are missing, 1 are too many"


def test_no_dbt_of_a_run_knows_segments_and_their_lift_passes_its_unit_test(
    built: psycopg.Connection[Any],
) -> None:
    outcome = dbt.invoke(["ls", "--resource-type", "model"], load_settings(), AS_OF)
    assert outcome.success
    assert len(outcome.result) > 100
    assert [name for name in outcome.result if "seg_" in name] == []
    lift = dbt.invoke(
        ["test", "--select", "mart_play_lift_daily,test_type:unit"], load_settings(), AS_OF
    )
    assert lift.success, [result.message for result in lift.result or []]
    assert len(lift.result) == 1

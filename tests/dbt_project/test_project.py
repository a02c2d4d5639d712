"""The public face of the dbt project stays honest: shapes, contracts, keys, words."""

import ast
import re
from typing import Any

import pytest
from jinja2 import Environment

from rapport.transform import dbt

from .conftest import Read

GRAIN = re.compile(r"One row per [A-Za-z]")
Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def models(manifest: Manifest) -> dict[str, Any]:
    return {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }


def test_every_staging_model_of_an_entity_has_the_canonical_columns(rows: Read) -> None:
    columns = rows(
        "select table_name, column_name, data_type from information_schema.columns"
        " where table_schema in ('staging', 'intermediate')"
    )
    shapes = {
        table: dict(zip(group.column_name, group.data_type, strict=True))
        for table, group in columns.groupby("table_name")
    }
    checked = 0
    for path in (dbt.project_dir() / "models" / "staging").rglob("stg_*.sql"):
        entity = path.stem.split("__")[1]
        canonical = shapes.get(f"int_{entity}_unioned")
        if canonical is None or path.stem not in shapes:  # of a source that is not in use
            continue
        staged = shapes[path.stem]
        technical = {"load_landed", "landed_mark", "visitor_id", "is_off_scale"}
        for name, kind in canonical.items():
            if name not in technical:
                assert staged.get(name) == kind, f"{path.stem}.{name}"
        checked += 1
    assert checked >= 22


def test_every_entity_has_a_union(models: dict[str, Any]) -> None:
    entities = {name.split("__")[1] for name in models if name.startswith("stg_")}
    unions = {name.removeprefix("int_").removesuffix("_unioned") for name in models}
    assert entities <= unions


def test_every_value_that_a_column_may_hold_is_described(models: dict[str, Any]) -> None:
    environment = Environment()
    environment.globals["return"] = lambda value: value
    macros = (dbt.project_dir() / "macros" / "canonical_columns.sql").read_text()
    canonical: Any = environment.from_string(macros).module
    described = 0
    for name, node in models.items():
        if name.startswith("int_") and name.endswith("_unioned"):
            entity = name.removeprefix("int_").removesuffix("_unioned")
            values = ast.literal_eval(str(canonical.canonical_values(entity)).strip())
            for column, words in values.items():
                description = node["columns"][column]["description"]
                assert [word for word in words if word not in description] == [], (name, column)
                described += 1
    assert described >= 15


def test_every_published_mart_has_a_contract_a_key_and_its_grain_first(
    models: dict[str, Any],
) -> None:
    published = {
        name: node for name, node in models.items() if node["config"]["meta"].get("publish")
    }
    assert len(published) >= 22
    for name, node in published.items():
        assert node["config"]["contract"]["enforced"], name
        assert set(node["config"]["meta"]["key"]) <= set(node["columns"]), name
        assert GRAIN.match(node["description"]), name
        pii = node["config"]["meta"]["publish"] == "marts_pii"
        assert node["schema"] == ("build_pii" if pii else "build"), name
        for column in node["columns"].values():
            assert column["description"] and column["data_type"], f"{name}.{column['name']}"


def test_everything_that_the_marts_folder_holds_is_published(models: dict[str, Any]) -> None:
    for name, node in models.items():
        if node["path"].startswith(("marts/", "metrics/")):
            assert node["config"]["meta"].get("publish"), name


def test_every_model_says_what_a_row_is(models: dict[str, Any]) -> None:
    owned = ("staging/", "marts/", "metrics/", "intermediate/")
    for name, node in models.items():
        if node["path"].startswith(owned):
            assert GRAIN.match(node["description"]), name


def test_descriptions_reach_the_warehouse(rows: Read) -> None:
    comment = rows("select obj_description('build.dim_customers'::regclass) as comment").comment[0]
    assert comment.startswith("One row per customer")


def test_no_model_asks_the_wall_clock() -> None:
    clock = re.compile(r"\b(now\(\)|current_timestamp|current_date|clock_timestamp|localtime)")
    found = [
        path.name
        for folder in ("models", "macros", "tests")
        for path in (dbt.project_dir() / folder).rglob("*.sql")
        if clock.search(re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.S))
    ]
    assert found == []


def test_exposures_name_what_exists(manifest: Manifest) -> None:
    assert {exposure["name"] for exposure in manifest["exposures"].values()} >= {
        "customer_card",
        "activation",
    }


CARD = {"formula", "grain", "excludes", "differs", "owner"}


def test_every_metric_has_a_card_or_is_a_part_of_one_that_has(manifest: Manifest) -> None:
    metrics = manifest["metrics"]
    parts = {
        name.rsplit(".", 1)[-1]
        for metric in metrics.values()
        for name in metric["depends_on"]["nodes"]
        if name.startswith("metric.")
    }
    log = (dbt.project_dir() / "DECISIONLOG.md").read_text()
    carded = 0
    for metric in metrics.values():
        card = metric["config"]["meta"]
        if not card:
            assert metric["name"] in parts, metric["name"]
            continue
        assert set(card) == CARD and all(card.values()), metric["name"]
        assert metric["description"].endswith("?"), metric["name"]
        assert f"`{metric['name']}`" in log, metric["name"]
        carded += 1
    assert carded >= 30

"""Prepares a project folder for MetricFlow's command line, `mf`, with the metrics of the models.

dbt builds tables in one schema and publishes them in another. So dbt's manifest is rewritten to the
published tables: `mf` answers from the last published run, never from one in progress.

>>> prepare()  # doctest: +SKIP
PosixPath('.../var/dbt/metricflow')
"""

import shutil
from pathlib import Path
from typing import Any

import msgspec

from rapport.errors import ConfigError
from rapport.paths import var_dir
from rapport.transform.dbt import project_dir
from rapport.transform.graph import Graph, manifest_path
from rapport.transform.publish import published_tables

PROJECT = '{name: rapport, version: "1.0.0", config-version: 2, profile: rapport}\n'


def prepare() -> Path:
    """Write the folder for `mf`; returns its path. Raises `ConfigError` if dbt has not run yet."""
    manifest = var_dir() / "dbt" / "target" / "semantic_manifest.json"
    if not manifest.exists():
        raise ConfigError(
            f"{manifest} does not exist. Run `rapport run` or `rapport dbt parse` to write it."
        )
    folder = var_dir() / "dbt" / "metricflow"
    (folder / "target").mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text(PROJECT, encoding="utf-8")
    shutil.copyfile(project_dir() / "profiles.yml", folder / "profiles.yml")
    content = published(msgspec.json.decode(manifest.read_bytes()))
    (folder / "target" / "semantic_manifest.json").write_bytes(msgspec.json.encode(content))
    return folder


def published(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with every built table replaced by its published table."""
    schemas = {table.built: table.schema for table in published_tables(Graph.read(manifest_path()))}
    owners = [
        *manifest["semantic_models"],
        *manifest["project_configuration"].get("time_spines", []),
    ]
    for owner in owners:
        relation = owner["node_relation"]
        schema = schemas[relation["schema_name"], relation["alias"]]
        relation["relation_name"] = f'"{relation["database"]}"."{schema}"."{relation["alias"]}"'
        relation["schema_name"] = schema
    return manifest

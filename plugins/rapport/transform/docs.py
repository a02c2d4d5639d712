"""Builds the dbt documentation, from the raw stream to the field at a destination.

The files of segments say what is sent to which destination, and the files of marts what BI can
read. The documentation needs both as dbt exposures. They are generated into a copy of the project,
so that nobody has to maintain them by hand.

>>> sorted(exposures(project_dir()))  # doctest: +SKIP
['exposures', 'version']
"""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rapport.errors import ConfigError
from rapport.paths import var_dir
from rapport.settings import Settings
from rapport.transform import segment_files
from rapport.transform.dbt import adjusted_environment, project_dir, variables


def build(settings: Settings, as_of: datetime) -> Path:
    """Write the documentation as one HTML page; returns its path. Raises `ConfigError`."""
    from dbt.cli.main import dbtRunner

    folder = var_dir() / "dbt" / "docs"
    project = folder / "project"
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(
        project_dir(), project, ignore=shutil.ignore_patterns("target", "logs", "segments")
    )
    _add_segments(project)
    generated = yaml.safe_dump(exposures(project), sort_keys=False, allow_unicode=True)
    (project / "models" / "exposures_of_segments.yml").write_text(generated, encoding="utf-8")
    command = ["docs", "generate", "--static", "--no-partial-parse", "--quiet"]
    command += ["--project-dir", str(project), "--profiles-dir", str(project)]
    command += ["--target-path", str(folder), "--log-path", str(folder), "--log-level-file", "none"]
    command += ["--vars", msgspec.json.encode(variables(settings)).decode()]
    with adjusted_environment(as_of):
        outcome = dbtRunner().invoke(command)
    if not outcome.success:
        raise ConfigError(f"dbt docs: {outcome.exception}. Run `rapport dbt parse` to see more.")
    return folder / "static_index.html"


def _add_segments(project: Path) -> None:
    """Copy the files of valid segments, which `.dbtignore` hides from dbt in the project itself."""
    (project / ".dbtignore").unlink()
    folder = project_dir() / "models" / "segments"
    (project / "models" / "segments").mkdir()
    bad = segment_files.problems(folder)
    for path in sorted(folder.glob("seg_*")):
        if path.stem not in bad and path.with_suffix(".yml").stem not in bad:
            shutil.copyfile(path, project / "models" / "segments" / path.name)


def exposures(project: Path) -> dict[str, Any]:
    """The exposures: one per segment and destination, with the fields sent, and one for BI."""
    found, marts = [], []
    for path in sorted((project / "models").rglob("*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []:
            meta = model.get("config", {}).get("meta", {})
            if meta.get("publish") == "marts":
                marts.append(model["name"])
            segment = meta.get("segment") or {}
            found += [
                _exposure(model["name"], segment, to) for to in segment.get("destinations", [])
            ]
    return {"version": 2, "exposures": [_dashboards(marts), *found]}


def _dashboards(marts: list[str]) -> dict[str, Any]:
    return {
        "name": "bi",
        "label": "BI",
        "type": "dashboard",
        "maturity": "high",
        "owner": {"name": "Analytics"},
        "description": "What analysts and BI tools read, as bi_reader: without contact details.",
        "depends_on": [f"ref('{name}')" for name in marts],
    }


def _exposure(model: str, segment: dict[str, Any], destination: str) -> dict[str, Any]:
    fields = segment.get("traits", {})
    listed = ", ".join(f"`{column}` as `{field}`" for column, field in fields.items()) or "no field"
    return {
        "name": f"{segment['key']}_in_{destination}",
        "label": f"{segment['name']} in {destination}",
        "type": "application",
        "maturity": "high",
        "owner": {"name": segment["owner"]},
        "description": f"{segment['description'].strip()} {destination} gets {listed}.",
        "depends_on": [f"ref('{model}')"],
        "config": {"meta": {"destination": destination, "fields": fields}},
    }

"""Rendering a segment's SQL over published marts, without dbt: only `ref` and `as_of` exist.

>>> render("select * from {{ ref('dim_customers') }}", as_of, schemas)  # doctest: +SKIP
'select * from "marts"."dim_customers"'
"""

import re
import subprocess
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import jinja2
import jinja2.sandbox
import yaml

from rapport.activation.segments.declarations import Segment
from rapport.errors import ConfigError
from rapport.paths import project_root
from rapport.transform.segment_files import FOLDER, check_sql


def published_schemas(folder: Path | None = None) -> dict[str, str]:
    """The schema of each published model, by its YAML."""
    folder = folder or project_root() / "dbt_project" / "models"
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.yml")):
        if path.parent.name == "segments":
            continue  # Segments are not published, and their files may be invalid.
        found |= _published_in(path, path.stat().st_mtime_ns)
    return found


@lru_cache(maxsize=1000)
def _published_in(path: Path, changed: int) -> dict[str, str]:
    """The published models of one file; cached until the file changes, for the pages."""
    models = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models", [])
    metas = {model["name"]: (model.get("config") or {}).get("meta") or {} for model in models}
    return {name: meta["publish"] for name, meta in metas.items() if "publish" in meta}


def render(
    source: str, as_of: datetime, schemas: dict[str, str], path: Path | str = "segment"
) -> str:
    """The SQL with `ref` and `as_of` filled in; raises `ConfigError` for anything else."""
    try:
        check_sql(path, source)
    except ValueError as error:
        raise ConfigError(str(error)) from None

    def ref(name: str) -> str:
        if name not in schemas:
            raise ConfigError(f"{path}: {name} is not published. A segment reads marts only.")
        return f'"{schemas[name]}"."{name}"'

    def moment() -> str:
        return f"timestamptz '{as_of.isoformat()}'"

    environment = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)
    return environment.from_string(source).render(ref=ref, as_of=moment)


def source_of(segment: Segment, revision: str | None = None) -> str:
    """The SQL file as it is, or as it was at a git revision."""
    path = f"{FOLDER}/{segment.model}.sql"
    if revision is None:
        return (project_root() / path).read_text(encoding="utf-8")
    if revision.startswith("-"):
        raise ConfigError(f'"{revision}" is not a git revision.')
    answer = subprocess.run(
        ["git", "-C", str(project_root()), "show", f"{revision}:./{path}"],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if answer.returncode != 0:
        raise ConfigError(
            f"git has no {path} at {revision}. Give a commit, branch or tag that has it."
        )
    return answer.stdout


def conditions_of(rendered: str) -> str:
    """The SQL up to its CTE `conditions`: one row per candidate, with each value and condition."""
    starts = [match.start() for match in re.finditer(r"(?m)^select\b", rendered)]
    if not starts or "conditions as (" not in rendered[: starts[-1]]:
        raise ConfigError("the segment has no CTE named conditions; see CONTRIBUTING.md.")
    return f"{rendered[: starts[-1]]}select * from conditions"  # noqa: S608, a reviewed file


def asked_of(rendered: str) -> list[str]:
    """The conditions in the last `where`, in order, with `not` kept.

    >>> asked_of("with conditions as (...)\\nselect a\\nfrom conditions\\nwhere is_b and not has_c")
    ['is_b', 'not has_c']
    """
    last = re.split(r"(?m)^where\b", rendered)[-1]
    return [
        f"not {name}" if negated else name
        for negated, name in re.findall(r"\b(not\s+)?((?:is|has)_\w+)", last)
    ]

"""Runs dbt in this process, once per layer, with variables from `rapport.yml` and the run's as_of.

>>> build("marts", as_of=as_of)  # doctest: +SKIP
{'models': 31, 'tests': 64, 'seconds': 3.2}
"""

import contextlib
import dataclasses
import hashlib
import io
import os
import pickle
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from rapport import __version__, warehouse
from rapport.activation_options import ActivationOptions
from rapport.connectors import MAPPED, all_sources, mapped_datasets
from rapport.errors import GateFailed, RetryLater
from rapport.paths import project_root, var_dir
from rapport.settings import Settings, known, load_settings
from rapport.transform.custom_fields import fields_for_dbt
from rapport.transform.graph import Graph, manifest_path
from rapport.transform.outdated import Basis, Plan
from rapport.vendors.words import words_for_dbt
from rapport.warehouse import roles
from rapport.warehouse.counted_rows import wait_for

# https://www.postgresql.org/docs/current/libpq-envars.html
LIBPQ = {
    "options": "PGOPTIONS",
    "sslcert": "PGSSLCERT",
    "sslcrl": "PGSSLCRL",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
# dbt's own log lines are suppressed. The manifest is written when the project is parsed.
QUIET = ("--no-print", "--quiet", "--log-level", "none")
# The key of the last parse in this process, and its manifest. dbt needs a second to read it again.
_parsed: tuple[tuple[Any, ...], bytes] = ((), b"")
STAGING_MODEL = re.compile(r"stg_(?P<source>[a-z0-9_]+?)__(?P<entity>[a-z0-9_]+)")


def project_dir() -> Path:
    """The folder of the dbt project."""
    return project_root() / "dbt_project"


def variables(settings: Settings) -> dict[str, Any]:
    """The dbt variables.

    `canonical` lists the staging models of each entity, by file name. `datasets` are the mapped
    files and tables of `rapport.yml`, `words` what vendors call the states of things. `unused` are
    the sources that are not in `rapport.yml`; their models are disabled. Landed records of a source
    are used as long as it is in `rapport.yml`, even if it is turned off.
    """
    datasets = mapped_datasets(settings)
    unused = sorted(
        set(known("sources")) - set(settings.sources) - ({MAPPED} if datasets else set())
    )
    canonical: dict[str, list[str]] = {}
    staging = project_dir() / "models" / "staging"
    for path in sorted(staging.rglob("stg_*.sql")):
        match = STAGING_MODEL.fullmatch(path.stem)
        if match and match["source"] not in unused:
            canonical.setdefault(match["entity"], []).append(path.stem)
    return {
        "canonical": canonical,
        "unused": {name: {"+enabled": False} for name in unused if (staging / name).is_dir()},
        "kinds": _kinds(),
        "datasets": datasets,
        "words": words_for_dbt(),
        "surveys": settings.surveys,
        "custom_fields": fields_for_dbt(settings),
        "company": settings.company.model_dump(),
        "own_domains": list(settings.own_domains),
        "stale_after_hours": settings.checked("activation", ActivationOptions).stale_after_hours,
    }


def _kinds() -> dict[str, str]:
    """The kind of each source, in the order in which sources of one kind are asked for a field."""
    vendors = {name: source.vendor for name, source in all_sources().items()}
    order = sorted(vendors, key=lambda name: (vendors[name].id_rank, name))
    return {name: vendors[name].kind for name in order}


def environment(role: str | None = None) -> dict[str, str]:
    """The environment variables that dbt's profile reads: the warehouse and the role.

    Telemetry is turned off.
    """
    parts = urlsplit(warehouse.url())
    query = dict(parse_qsl(parts.query))
    if role is not None:
        with warehouse.connect(autocommit=True) as connection:
            own = roles.session_options(connection, role)
        query["options"] = f"{query.get('options', '')} {own}".strip()
    return {
        # dbt's profile has no keys for these options, so libpq must read them.
        **{LIBPQ[name]: value for name, value in query.items() if name in LIBPQ},
        "PGTZ": "UTC",
        "RAPPORT_DBT_HOST": parts.hostname or "127.0.0.1",
        "RAPPORT_DBT_PORT": str(parts.port or 5432),
        "RAPPORT_DBT_USER": unquote(parts.username or ""),
        "RAPPORT_DBT_PASSWORD": unquote(parts.password or ""),
        "RAPPORT_DBT_DBNAME": unquote(parts.path.lstrip("/")),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }


def options(settings: Settings) -> list[str]:
    """The command-line options of every invocation: folders, variables, and no log file."""
    folder = var_dir() / "dbt"
    return [
        "--project-dir",
        str(readable_project()),
        "--profiles-dir",
        str(project_dir()),
        "--target-path",
        str(folder / "target"),
        "--log-path",
        str(folder / "logs"),
        "--log-level-file",
        "none",
        "--vars",
        msgspec.json.encode(variables(settings)).decode(),
    ]


def readable_project() -> Path:
    """The folder of the project, or of a copy without segments if one of them is not a plain file.

    dbt stops at such an entry even though `.dbtignore` hides the folder of segments.
    """
    folder = project_dir() / "models" / "segments"
    entries = folder.iterdir() if folder.is_dir() else ()
    if all(path.is_file() and not path.is_symlink() for path in entries):
        return project_dir()
    copy = var_dir() / "dbt" / "project"
    shutil.rmtree(copy, ignore_errors=True)
    left_out = shutil.ignore_patterns("target", "logs", "segments")
    shutil.copytree(project_dir(), copy, ignore=left_out)
    return copy


def invoke(args: Sequence[str], settings: Settings, as_of: datetime) -> Any:
    """Run one dbt command; returns dbt's own result and prints nothing."""
    from dbt.cli.main import dbtRunner

    digest = forget_stale_parse()
    given = options(settings)
    with adjusted_environment(as_of), contextlib.redirect_stdout(io.StringIO()):
        outcome = _parse(digest, given)
        if outcome is None:
            # dbt compiles into the manifest, so each invocation gets a fresh copy.
            manifest = pickle.loads(_parsed[1])  # noqa: S301 - from this process's own memory
            outcome = dbtRunner(manifest).invoke([*args, "--no-write-json", *QUIET, *given])
    write_results(outcome)
    return outcome


def _parse(digest: str, given: Sequence[str]) -> Any:
    """Parse the project unless this process has done so; returns dbt's result if it fails."""
    global _parsed
    from dbt.cli.main import dbtRunner

    place = {name: value for name, value in os.environ.items() if name.startswith("RAPPORT_DBT_")}
    key = (digest, *given, *sorted(place.items()))
    if _parsed[0] == key:
        return None
    outcome = dbtRunner().invoke(["parse", *QUIET, *given])
    if not outcome.result:
        return outcome
    _parsed = (key, pickle.dumps(outcome.result))
    return None


def forget_stale_parse() -> str:
    """Delete dbt's partial parse if a file of the project has changed; returns a hash of the files.

    dbt 1.12 fails to parse only the changed files: it takes the metrics of a changed file for
    duplicates.
    """
    digest = hashlib.sha256()
    for path in sorted(project_dir().rglob("*")):
        if path.suffix in (".sql", ".yml", ".csv") and path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(project_dir())} {content}\n".encode())
    target = var_dir() / "dbt" / "target"
    mark = target / "parsed.sha256"
    if not mark.exists() or mark.read_text() != digest.hexdigest():
        (target / "partial_parse.msgpack").unlink(missing_ok=True)
        target.mkdir(parents=True, exist_ok=True)
        mark.write_text(digest.hexdigest())
    return digest.hexdigest()


def write_results(outcome: Any) -> None:
    """Write dbt's run results without Postgres' error messages, which may quote a row."""
    from dbt.artifacts.schemas.run import RunExecutionResult

    ran = outcome.result
    if isinstance(ran, RunExecutionResult):
        left_out = "left out, because it may quote a row; build the model to see the message"
        results = [
            dataclasses.replace(result, message=left_out) if result.status == "error" else result
            for result in ran.results
        ]
        path = var_dir() / "dbt" / "target" / "run_results.json"
        dataclasses.replace(ran, results=results).write(str(path))


def build(layer: str, *, as_of: datetime) -> dict[str, Any]:
    """Build the models of a layer that are out of date and run their tests; returns counts.

    A model is out of date if its code, the company's day or the data that it reads has changed.

    Raises `GateFailed` with the models and tests that failed, and `RetryLater` if the warehouse
    does not answer.
    """
    started = time.monotonic()
    settings = load_settings()
    graph, basis = project(settings, as_of)
    with warehouse.connect(autocommit=True) as connection:
        plan = Plan.of(connection, graph, layer, basis)
    results: list[Any] = []
    if plan.models:
        results = _built(layer, plan, settings, as_of)
        with warehouse.connect(autocommit=True) as connection:
            wait_for(connection, "dbt")
            plan.note(connection)
    kinds = [result.node.resource_type.value for result in results]
    return {
        "models": sum(kind in ("model", "seed") for kind in kinds),
        "unchanged": len(graph.layer(layer)) - len(plan.models),
        "tests": kinds.count("test"),
        "seconds": round(time.monotonic() - started, 2),
        "seconds_by_model": {
            result.node.name: round(result.execution_time, 3)
            for result, kind in zip(results, kinds, strict=True)
            if kind == "model"
        },
    }


def project(settings: Settings, as_of: datetime) -> tuple[Graph, Basis]:
    """The graph of the project as it is now; dbt parses it if its manifest is of another state.

    So a worker that has parsed nothing yet, or another version, publishes what this code builds.
    """
    global _parsed
    digest = forget_stale_parse()
    parts = (digest, variables(settings), __version__, version("dbt-core"))
    code = hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
    mark = var_dir() / "dbt" / "target" / "manifest.sha256"
    if not mark.exists() or mark.read_text() != code or not manifest_path().exists():
        with adjusted_environment(as_of), contextlib.redirect_stdout(io.StringIO()):
            _parsed = ((), b"")  # what this process knows may be in another folder
            outcome = _parse(digest, options(settings))
        if outcome is not None:
            raise _explain("parse", [], outcome.exception)
        mark.write_text(code)
    return Graph.read(manifest_path()), Basis(code, as_of, settings.company.timezone)


def _built(layer: str, plan: Plan, settings: Settings, as_of: datetime) -> list[Any]:
    args = ["build", *plan.selection, "--exclude-resource-type", "unit_test"]
    outcome = invoke(args, settings, as_of)
    results = list(getattr(outcome.result, "results", None) or [])
    failed = [result for result in results if result.status in ("error", "fail", "runtime error")]
    if failed or outcome.exception is not None or not outcome.success:
        raise _explain(layer, failed, outcome.exception)
    return results


def _explain(layer: str, failed: Sequence[Any], exception: BaseException | None) -> Exception:
    if not failed:
        kind = type(exception).__name__ if exception else "no result"
        message = str(exception).strip().splitlines()[0] if exception else ""
        if kind == "FailedToConnectError":
            return RetryLater(f"dbt {layer}: the warehouse does not answer. Try again later.")
        return GateFailed(f"dbt {layer}: {kind}. {message} Run `rapport dbt parse` to see more.")
    names = ", ".join(
        f"{result.node.name} ({result.status}"
        + (f", {result.failures} rows" if getattr(result, "failures", None) else "")
        + f", {result.node.original_file_path})"
        for result in failed[:5]
    )
    more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
    return GateFailed(
        f"dbt {layer}: failed: {names}{more}. Nothing of this run is published. "
        f"The compiled SQL is in {var_dir() / 'dbt' / 'target'}. "
        f"Run `rapport dbt build --select {failed[0].node.name}` to see the error."
    )


@contextlib.contextmanager
def adjusted_environment(as_of: datetime, role: str | None = None) -> Iterator[None]:
    """Set the environment variables of the profile and `RAPPORT_AS_OF` inside the context.

    `as_of` is not a dbt variable, because a changed variable would make dbt parse the whole project
    in every run.
    """
    values = {**environment(role), "RAPPORT_AS_OF": as_of.isoformat()}
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

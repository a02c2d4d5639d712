"""Runs the guards of a gate with Great Expectations, in the warehouse.

Results contain no values of the data, because every validation is BOOLEAN_ONLY.

>>> [guard.name for guard in discover_guards("arrival")]  # doctest: +SKIP
['loads']
"""

import contextlib
import importlib.util
import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import psycopg

from rapport import warehouse
from rapport.errors import ConfigError, GateFailed
from rapport.paths import project_root, var_dir

log = logging.getLogger(__name__)

UNFINISHED = {
    "guard": "gate",
    "expectation": "the_gate_finishes",
    "column_name": None,
    "severity": "critical",
    "success": False,
}

FINDINGS_SHOWN = 5

Gate = Literal["arrival", "publication"]

CONSEQUENCE: dict[str, str] = {
    "arrival": "The landed records stay, the source counts as stale, and lists that need it are "
    "frozen.",
    "publication": "Nothing is published or sent. Tables and lists stay as the last run left them.",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """One file of `expectations/`: a query and the expectations of its rows.

    `{run_id}`, `{source}` and `{as_of}` in `query` are replaced by literals. `findings` is a query
    of the rows, `judged`, which says in one text column what is wrong where, without values.
    """

    name: str
    gate: Gate
    query: str
    expectations: Callable[[datetime], Sequence[Any]]
    findings: str | None = None

    def rows(self, run_id: str, source: str, as_of: datetime) -> str:
        """The query of the rows."""
        return self.query.format(
            run_id=_literal(run_id), source=_literal(source), as_of=_literal(as_of.isoformat())
        )


def expectations_dir() -> Path:
    """The folder of the guards."""
    return project_root() / "expectations"


def discover_guards(gate: Gate) -> list[Guard]:
    """The guards of a gate. Every file in the folder is found automatically."""
    guards = []
    for path in sorted(expectations_dir().glob("[a-z]*.py")):
        module = _load(path)
        if gate == module.GATE:
            findings = getattr(module, "FINDINGS", None)
            guards.append(Guard(path.stem, gate, module.QUERY, module.expectations, findings))
    return guards


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rapport_expectations_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: this is not a Python file. Remove it from the folder.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for needed in ("GATE", "QUERY", "expectations"):
        if not hasattr(module, needed):
            raise ConfigError(f"{path}: the guard does not define `{needed}`. See CONTRIBUTING.md.")
    return module


def report_dir(run_id: str, gate: str, source: str | None = None) -> Path:
    """The folder of a gate's report."""
    name = f"{gate}-{source}" if source else gate
    return var_dir() / "runs" / run_id / "quality" / name


def run_gate(
    gate: Gate, *, run_id: str, as_of: datetime, source: str | None = None
) -> dict[str, int]:
    """Check every guard of a gate; returns how many expectations passed and failed.

    A failure of severity `critical` raises `GateFailed` with guard, what it found where, and
    report. Other failures are only counted and stored. If the gate cannot finish, it raises
    `GateFailed` too.
    """
    try:
        outcomes = _validate(gate, run_id, as_of, source)
    except Exception as error:
        log.error("the %s gate could not finish: %s", gate, type(error).__name__)
        _store(run_id, gate, source or "", [UNFINISHED])
        raise GateFailed(
            f"the {gate} gate could not finish ({type(error).__name__}), which counts as failed. "
            f"{CONSEQUENCE[gate]}"
        ) from None
    _store(run_id, gate, source or "", outcomes)
    failed = [outcome for outcome in outcomes if not outcome["success"]]
    fatal = [outcome for outcome in failed if outcome["severity"] == "critical"]
    if fatal:
        names = ", ".join(
            f"{item['guard']}: {item['expectation']}"
            + (f" on {item['column_name']}" if item["column_name"] else "")
            for item in fatal[:5]
        )
        found = _findings(gate, {item["guard"] for item in fatal}, run_id, as_of, source or "")
        report = report_dir(run_id, gate, source) / "index.html"
        raise GateFailed(
            f"the {gate} gate{' of ' + source if source else ''} failed: {names}. {found}"
            f"{CONSEQUENCE[gate]} Report: {report}"
        )
    return {"passed": len(outcomes) - len(failed), "failed": len(failed)}


def _validate(gate: Gate, run_id: str, as_of: datetime, source: str | None) -> list[dict[str, Any]]:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx

        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = _no_progress_bars()
        site = report_dir(run_id, gate, source)
        context.add_data_docs_site(
            site_name="report",
            site_config={
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {
                    "class_name": "TupleFilesystemStoreBackend",
                    "base_directory": str(site),
                },
            },
        )
        url = warehouse.url().replace("postgresql://", "postgresql+psycopg2://", 1)
        store = context.data_sources.add_postgres("warehouse", connection_string=url)
        definitions = []
        for guard in discover_guards(gate):
            query = guard.rows(run_id, source or "", as_of)
            asset = store.add_query_asset(
                guard.name,
                query=f"select * from ({query}) as judged",  # noqa: S608 - a guard's own query
            )
            batch = asset.add_batch_definition_whole_table("run")
            suite = context.suites.add(gx.ExpectationSuite(name=guard.name))
            for expectation in guard.expectations(as_of):
                suite.add_expectation(expectation)
            definitions.append(
                context.validation_definitions.add(
                    gx.ValidationDefinition(name=guard.name, data=batch, suite=suite)
                )
            )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=gate,
                validation_definitions=definitions,
                result_format={"result_format": "BOOLEAN_ONLY"},
            )
        )
        outcome = checkpoint.run()
        if not outcome.success:
            context.build_data_docs()
        return [
            _outcome(validation.suite_name, result)
            for validation in outcome.run_results.values()
            for result in validation.results
        ]


def _findings(gate: Gate, failed: set[str], run_id: str, as_of: datetime, source: str) -> str:
    """What the failed guards found, in a sentence each; at most five of a guard."""
    found: list[str] = []
    with warehouse.connect(autocommit=True) as connection:
        for guard in discover_guards(gate):
            if guard.name in failed and guard.findings:
                rows = guard.rows(run_id, source, as_of)
                text = f"with judged as ({rows}) {guard.findings} limit {FINDINGS_SHOWN}"
                # A guard whose query cannot run has failed by that, and has found nothing.
                with contextlib.suppress(psycopg.Error):
                    found += [
                        f"{guard.name}: {row[0]}." for row in connection.execute(text.encode())
                    ]
    return "".join(f"{sentence} " for sentence in found)


def _outcome(guard: str, result: Any) -> dict[str, Any]:
    expectation = result.expectation_config
    return {
        "guard": guard,
        "expectation": expectation.type,
        "column_name": expectation.kwargs.get("column"),
        "severity": str(getattr(expectation.severity, "value", "critical")),
        "success": bool(result.success),
    }


def _no_progress_bars() -> Any:
    from great_expectations.data_context.types.base import ProgressBarsConfig

    return ProgressBarsConfig(globally=False)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _store(run_id: str, gate: str, source: str, outcomes: Sequence[dict[str, Any]]) -> None:
    """Store the results and replace those of an earlier attempt of the same run."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "delete from quality.results where run_id = %s and gate = %s and source = %s",
            (run_id, gate, source),
        )
        cursor.executemany(
            "insert into quality.results"
            " (run_id, gate, source, guard, expectation, column_name, severity, success) values"
            " (%(run_id)s, %(gate)s, %(source)s, %(guard)s, %(expectation)s, %(column_name)s,"
            " %(severity)s, %(success)s)",
            [{**item, "run_id": run_id, "gate": gate, "source": source} for item in outcomes],
        )

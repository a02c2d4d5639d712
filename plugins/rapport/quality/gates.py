"""Great Expectations behind one function: the guards of a gate, judged in the warehouse.

Results hold no values of the data: every validation is BOOLEAN_ONLY.

>>> [guard.name for guard in discover_guards("arrival")]  # doctest: +SKIP
['loads']
"""

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

Gate = Literal["arrival", "publication"]

CONSEQUENCE: dict[str, str] = {
    "arrival": "What landed stays, the source counts as stale, and lists that need it stay as "
    "they are.",
    "publication": "Last night's tables and lists stay in place: nothing is published or sent.",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """One file of `expectations/`: what it judges and what it expects of it.

    `query` selects the rows to judge; `{run_id}` and `{source}` in it are filled with literals.
    """

    name: str
    gate: Gate
    query: str
    expectations: Callable[[datetime], Sequence[Any]]


def expectations_dir() -> Path:
    """The folder of the guards."""
    return project_root() / "expectations"


def discover_guards(gate: Gate) -> list[Guard]:
    """The guards of a gate, found by being in the folder."""
    guards = []
    for path in sorted(expectations_dir().glob("[a-z]*.py")):
        module = _load(path)
        if gate == module.GATE:
            guards.append(Guard(path.stem, gate, module.QUERY, module.expectations))
    return guards


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"rapport_expectations_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for needed in ("GATE", "QUERY", "expectations"):
        if not hasattr(module, needed):
            raise ConfigError(f"{path}: a guard needs `{needed}`. See CONTRIBUTING.md.")
    return module


def report_dir(run_id: str, gate: str, source: str | None = None) -> Path:
    """Where the report of a gate is."""
    name = f"{gate}-{source}" if source else gate
    return var_dir() / "runs" / run_id / "quality" / name


def run_gate(
    gate: Gate, *, run_id: str, as_of: datetime, source: str | None = None
) -> dict[str, int]:
    """Judge every guard of a gate; returns how many expectations passed and failed.

    Failures of severity `critical` raise `GateFailed`, which names guard, expectation and report;
    others are counted and kept. Anything that keeps the gate from finishing is a failure too.
    """
    try:
        outcomes = _judge(gate, run_id, as_of, source)
    except Exception as error:
        log.error("the %s gate could not finish: %s", gate, type(error).__name__)
        _keep(run_id, gate, source or "", [UNFINISHED])
        raise GateFailed(
            f"the {gate} gate could not finish ({type(error).__name__}), which counts as failed. "
            f"{CONSEQUENCE[gate]}"
        ) from None
    _keep(run_id, gate, source or "", outcomes)
    failed = [outcome for outcome in outcomes if not outcome["success"]]
    fatal = [outcome for outcome in failed if outcome["severity"] == "critical"]
    if fatal:
        names = ", ".join(
            f"{item['guard']}: {item['expectation']}"
            + (f" on {item['column_name']}" if item["column_name"] else "")
            for item in fatal[:5]
        )
        report = report_dir(run_id, gate, source) / "index.html"
        raise GateFailed(
            f"the {gate} gate{' of ' + source if source else ''} failed: {names}. "
            f"{CONSEQUENCE[gate]} Report: {report}"
        )
    return {"passed": len(outcomes) - len(failed), "failed": len(failed)}


def _judge(gate: Gate, run_id: str, as_of: datetime, source: str | None) -> list[dict[str, Any]]:
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
            query = guard.query.format(run_id=_literal(run_id), source=_literal(source or ""))
            asset = store.add_query_asset(
                guard.name,
                query=f"select * from ({query}) as judged",  # noqa: S608 - a guard's own query
            )
            batch = asset.add_batch_definition_whole_table("tonight")
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


def _keep(run_id: str, gate: str, source: str, outcomes: Sequence[dict[str, Any]]) -> None:
    """The results of this attempt take the place of an earlier one's."""
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

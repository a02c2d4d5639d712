"""A whole run in this process: the scheduler's own DAGs, run by Airflow's `dag.test()`.

>>> run(progress)  # doctest: +SKIP
Summary(run_id='20260331T030000Z-01', status='succeeded', ...)
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rapport import demo, landing, warehouse
from rapport.errors import AlreadyRunning
from rapport.paths import private, project_root, var_dir
from rapport.runs.run import Run, begin, clock
from rapport.runs.stages import stage
from rapport.runs.summary import Summary
from rapport.settings import load_settings
from rapport.tasks.closing import close
from rapport.warehouse import locks

Progress = Callable[[str], None]
LOCK = "run"


def run(progress: Progress, as_of: datetime | None = None) -> Summary:
    """Do one nightly run to its end and close it.

    If a source fails, the others still land and the build uses what is there. If the build fails,
    the run ends: nothing is published, nothing is sent. `progress` is called with the name of each
    step. Raises `AlreadyRunning` if another `rapport run` is at work.
    """
    settings = load_settings()
    progress("start Postgres")
    prepare()
    if settings.demo:
        progress("start the sandbox")
        demo.ensure_running()
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "WARNING")
    with _alone():
        current = begin(as_of or clock(settings))
        _walk(current, list(settings.enabled("sources")), progress)
        return close(current)


def _walk(current: Run, sources: list[str], progress: Progress) -> None:
    with _talk_to(var_dir() / "runs" / current.run_id / "airflow.log"):
        progress("start Airflow")
        with stage(current, "start"):
            dags = _load_dags()
        for name in sources:
            progress(f"land {name}")
            _test(dags[f"ingest_{name}"])
        progress("build the marts")
        if _test(dags["build_customers"]):
            progress("activate the segments")
            _test(dags["activate_segments"])


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold off a second `rapport run` on this warehouse; one that is killed lets go at once."""
    with (
        warehouse.connect(autocommit=True, application_name="rapport run") as connection,
        locks.only_one(connection, LOCK) as is_ours,
    ):
        if not is_ours:
            raise AlreadyRunning(
                "another `rapport run` is at work on this warehouse. Wait for it, or end it: "
                "pg_stat_activity shows it as `rapport run`."
            )
        yield


def prepare() -> None:
    """Start the warehouse, make its tables, and prepare Airflow's metadata."""
    from rapport.operations.airflow_env import ensure_airflow_metadata

    # From here on the address is known: asking again and again would take seconds a run.
    os.environ.setdefault("AIRFLOW_CONN_WAREHOUSE", warehouse.url())
    warehouse.migrate()
    with warehouse.connect() as connection:
        landing.ensure_tables(connection, load_settings())
    ensure_airflow_metadata()


def _load_dags() -> dict[str, Any]:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(project_root() / "dags"))
    if bag.import_errors:
        path, error = next(iter(bag.import_errors.items()))
        raise RuntimeError(f"{Path(path).name} cannot be imported: {error.strip()}")
    return dict(bag.dags)


def _test(dag: Any) -> bool:
    """Run one DAG; whether it succeeded. Its tasks are not retried: the client retries."""
    for task in dag.tasks:
        task.retries = 0
    outcome = dag.test()
    return str(getattr(outcome.state, "value", outcome.state)) == "success"


@contextlib.contextmanager
def _talk_to(path: Path) -> Iterator[None]:
    """Write Airflow's output to a file: the terminal shows what the run did.

    The file stays open: Airflow's loggers keep it for as long as the process lives.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a", encoding="utf-8", buffering=1, opener=private)  # noqa: SIM115
    with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        yield

"""What the DAGs' tasks do, one function a task: join the run, do the stage, store its counts.

Airflow passes `dag_run`, and the id of its run as `holder` of a build.

>>> land("postbox")  # doctest: +SKIP
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.runs.builds import step
from rapport.runs.run import Run, join
from rapport.runs.stages import Kind, Stage, stage
from rapport.settings import load_settings

log = logging.getLogger(__name__)


def _run(proposed: datetime | None = None) -> Run:
    return join(proposed, load_settings())


def trigger_of(dag_run: Any) -> str:
    """What triggered an Airflow run: `scheduled`, `asset_triggered` or `manual`."""
    return str(getattr(dag_run.run_type, "value", dag_run.run_type))


def _scheduled_for(dag_run: Any) -> datetime | None:
    """The time of the schedule; None for a run that an asset or a person triggered."""
    if dag_run is None or trigger_of(dag_run) != "scheduled":
        return None
    at: datetime = dag_run.logical_date
    return at


def land(source: str, dag_run: Any = None) -> None:
    """Pull a source and land what it has."""
    from rapport.landing import ingest

    run = _run(_scheduled_for(dag_run))
    with stage(run, "land", source) as current:
        results = ingest(source, run_id=run.run_id, as_of=run.as_of)
        current.result = {result.stream: _counts(result) for result in results}


def check_arrival(source: str, dag_run: Any = None) -> None:
    """The arrival gate of a source."""
    from rapport.quality import run_gate

    run = _run(_scheduled_for(dag_run))
    with stage(run, "check_arrival", source) as current:
        current.result = dict(
            run_gate("arrival", run_id=run.run_id, as_of=run.as_of, source=source)
        )


def wait_for_sources(set_off_by: str) -> bool:
    """Whether the build may begin; skips it if everything is published at the cut-off.

    A build that a person triggered does not wait. Sources that are late at the cut-off are
    recorded as the error of a stage, so the run is partial.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from rapport.tasks import cut_off

    if set_off_by == "manual":
        return True
    now, settings = datetime.now(UTC), load_settings()
    late = cut_off.missing(settings, now)
    if set_off_by == "asset_triggered" and late and not cut_off.is_past_cutoff(settings, now):
        log.info("waiting for: %s", ", ".join(late))
        return False
    if set_off_by == "scheduled" and cut_off.is_done(settings, now):
        raise AirflowSkipException("nothing has landed since the marts were published")
    if late:
        with contextlib.suppress(RetryLater), stage(_run(), "wait"):
            raise RetryLater(
                f"{', '.join(late)}: not landed at the cut-off, so built with older data. "
                "See the DAG of that source; what lands later waits for the next build."
            )
    return True


def pull_suppressions() -> None:
    """Ask every destination who unsubscribed, bounced or complained."""
    from rapport import activation

    run = _run()
    with stage(run, "pull") as current:
        current.result = dict(activation.pull(run_id=run.run_id, as_of=run.as_of))
    for name, counts in current.result.items():
        if "problem" in counts:
            with contextlib.suppress(RetryLater), stage(run, "pull_destination", name):
                raise RetryLater(f"{counts['problem']} Its lists stay as they are in this run.")


@contextlib.contextmanager
def _building(
    holder: str, kind: Kind, subject: str | None = None, *, begins: bool = False
) -> Iterator[tuple[Run, Stage]]:
    run = _run()
    with stage(run, kind, subject) as current, step(run, holder, begins=begins):
        yield run, current


def build_layer(layer: str, holder: str) -> None:
    """Build a layer of the dbt project; the first one begins the build of `holder`."""
    from rapport.transform import build

    with _building(holder, "build", layer, begins=layer == "staging") as (run, current):
        if layer == "staging":
            reread()
        current.result = build(layer, as_of=run.as_of)


def reread() -> None:
    """Read landed rows as rapport.yml says today, also those of sources that did not land."""
    from rapport import warehouse
    from rapport.landing.rereading import reread_all

    with warehouse.connect(autocommit=True, application_name="reread") as connection:
        reread_all(connection, load_settings())


def normalise(holder: str) -> None:
    """Compute the normal forms of new identifiers."""
    from rapport import identity

    with _building(holder, "normalise") as (run, current):
        current.result = dict(identity.normalise(run_id=run.run_id, as_of=run.as_of) or {})


def read_comments(holder: str) -> None:
    """Judge language and sentiment of new comments."""
    from rapport import comments

    with _building(holder, "read_comments") as (run, current):
        current.result = comments.read(as_of=run.as_of)


def resolve(holder: str) -> None:
    """Resolve profiles to customers."""
    from rapport import identity

    with _building(holder, "resolve") as (run, current):
        current.result = dict(identity.resolve(run_id=run.run_id, as_of=run.as_of))


def predict(holder: str) -> None:
    """Fit and score the predictions, and build the marts that show them."""
    from rapport import predictions

    with _building(holder, "predict") as (run, current):
        current.result = dict(predictions.predict(as_of=run.as_of))


def check_publication(holder: str) -> None:
    """The publication gate."""
    from rapport.quality import run_gate

    with _building(holder, "check_publication") as (run, current):
        current.result = dict(run_gate("publication", run_id=run.run_id, as_of=run.as_of))


def publish(holder: str) -> None:
    """Move what changed to the published tables."""
    from rapport.transform import publish as publish_tables

    with _building(holder, "publish") as (run, current):
        current.result = dict(publish_tables(run_id=run.run_id, as_of=run.as_of))


def evaluate() -> None:
    """Evaluate the segments; a file that cannot be read makes the run partial."""
    from rapport import activation
    from rapport.activation.segments.declarations import load

    run = _run()
    with stage(run, "evaluate") as current:
        current.result = activation.evaluate(run.run_id, run.as_of)
    problems = load().problems
    with contextlib.suppress(ConfigError), stage(run, "read_segments"):
        if problems:
            raise ConfigError(
                "\n".join(problems.values()) + "\nTheir lists add nobody, and let people go by the "
                "last version that could be read."
            )


def plan() -> None:
    """Plan the changes of each list, and record who is left out and why."""
    from rapport import activation

    run = _run()
    with stage(run, "plan") as current:
        current.result = {"lists": activation.plan(run.run_id, run.as_of)}


def push(destination: str) -> None:
    """Push the changes to a destination; skip one that is turned off and holds nobody.

    If it refused many rows, a stage records that as its error and nothing stops.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from rapport import activation

    run = _run()
    if activation.is_idle(run.run_id, run.as_of, destination):
        raise AirflowSkipException(f"{destination} is turned off and holds nobody")
    with stage(run, "push", destination) as current:
        current.result = dict(
            activation.push(run_id=run.run_id, as_of=run.as_of, destination=destination) or {}
        )
    with contextlib.suppress(GiveUp), stage(run, "judge", destination) as current:
        current.result = dict(activation.judge(run.run_id, destination))


def answer_requests() -> None:
    """Answer requests for access and erasure; not part of a run."""
    from rapport import privacy, warehouse

    with warehouse.connect(autocommit=True, application_name="privacy") as connection:
        counts = privacy.work(connection, at=datetime.now(UTC))
    if counts["failed"]:
        raise RetryLater(
            f"privacy: {counts['failed']} requests could not be answered, {counts['overdue']} are "
            "overdue. `rapport privacy requests` says why."
        )


def prune() -> None:
    """Delete what was kept long enough; not part of a run."""
    from rapport import warehouse
    from rapport.privacy.retention import prune as let_go

    with warehouse.connect(autocommit=True, application_name="prune") as connection:
        log.info("pruned: %s", let_go(connection, at=datetime.now(UTC)))


def ask_for_approval() -> None:
    """Trigger the DAG that asks for approval if a list needs it; else skip."""
    from airflow.sdk.exceptions import AirflowSkipException

    if not waiting():
        raise AirflowSkipException("no list waits for approval")


def waiting() -> list[dict[str, str]]:
    """The question about each list that needs approval: ids and counts."""
    from rapport import warehouse
    from rapport.activation.planning.approval import questions

    with warehouse.connect(autocommit=True) as connection:
        return questions(connection)


def tell() -> None:
    """Alert about lists that began to fail, recovered or need approval."""
    from rapport import activation
    from rapport.tasks import alerts

    run, settings = _run(), load_settings()
    with stage(run, "tell") as current:
        told = activation.tell(run.run_id, run.as_of, lambda text: alerts.tell(settings, text))
        current.result = {"changes": len(told)}


def report() -> None:
    """Close the run and write its summary."""
    from rapport.tasks.closing import close

    close(_run())


def _counts(result: Any) -> dict[str, Any]:
    kept = ("read", "landed", "unchanged", "rejected", "repaired", "deleted", "warning")
    return {name: value for name, value in asdict(result).items() if name in kept}

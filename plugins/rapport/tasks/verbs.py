"""What the DAGs' tasks do, one function a task: join the night, do the stage, keep its counts.

>>> land("postbox", None)  # doctest: +SKIP
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.runs.builds import step
from rapport.runs.run import Night, Stage, join, stage
from rapport.settings import load_settings

log = logging.getLogger(__name__)


def _night(proposed: datetime | None = None) -> Night:
    return join(proposed, load_settings())


def land(source: str, proposed: datetime | None) -> None:
    """Pull a source and land what it has."""
    from rapport.landing import ingest

    night = _night(proposed)
    with stage(night, f"land {source}") as current:
        results = ingest(source, run_id=night.run_id, as_of=night.as_of)
        current.result = {result.stream: _counts(result) for result in results}


def check_arrival(source: str, proposed: datetime | None) -> None:
    """The arrival gate of a source."""
    from rapport.quality import run_gate

    night = _night(proposed)
    with stage(night, f"check {source}") as current:
        current.result = dict(
            run_gate("arrival", run_id=night.run_id, as_of=night.as_of, source=source)
        )


def wait_for_sources(set_off_by: str) -> bool:
    """Whether the build may begin; skips it where the cut-off finds everything published.

    A build that a person set off does not wait. What is late at the cut-off is kept as the error
    of a stage, so that the night does not count as whole.
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
        with contextlib.suppress(RetryLater), stage(_night(), "wait for sources"):
            raise RetryLater(
                f"{', '.join(late)}: not landed at the cut-off, so built with older data. "
                "See the DAG of that source; what lands later waits for the next build."
            )
    return True


def pull_suppressions() -> None:
    """Ask every destination who must not be written to any more."""
    from rapport import activation

    night = _night()
    with stage(night, "pull suppressions") as current:
        current.result = dict(activation.pull(run_id=night.run_id, as_of=night.as_of))
    for name, counts in current.result.items():
        if "problem" in counts:
            with contextlib.suppress(RetryLater), stage(night, f"pull {name}"):
                raise RetryLater(f"{counts['problem']} Its lists stay as they are tonight.")


@contextlib.contextmanager
def _building(holder: str, name: str, *, begins: bool = False) -> Iterator[tuple[Night, Stage]]:
    night = _night()
    with stage(night, name) as current, step(night, holder, begins=begins):
        yield night, current


def build_layer(layer: str, holder: str) -> None:
    """Build a layer of the dbt project; the first one begins the build of `holder`."""
    from rapport.transform import build

    with _building(holder, f"build {layer}", begins=layer == "staging") as (night, current):
        current.result = build(layer, as_of=night.as_of)


def normalise(holder: str) -> None:
    """Normal forms of the identifiers that were not seen before."""
    from rapport import identity

    with _building(holder, "normalise identifiers") as (night, current):
        current.result = dict(identity.normalise(run_id=night.run_id, as_of=night.as_of) or {})


def read_comments(holder: str) -> None:
    """What people say in their own words, each comment once."""
    from rapport import comments

    with _building(holder, "read comments") as (night, current):
        current.result = comments.read(as_of=night.as_of)


def resolve(holder: str) -> None:
    """Who is who."""
    from rapport import identity

    with _building(holder, "resolve customers") as (night, current):
        current.result = dict(identity.resolve(run_id=night.run_id, as_of=night.as_of))


def predict(holder: str) -> None:
    """What customers may do next, and the marts that say so."""
    from rapport import predictions

    with _building(holder, "predict") as (night, current):
        current.result = dict(predictions.predict(as_of=night.as_of))


def check_publication(holder: str) -> None:
    """The publication gate."""
    from rapport.quality import run_gate

    with _building(holder, "check publication") as (night, current):
        current.result = dict(run_gate("publication", run_id=night.run_id, as_of=night.as_of))


def publish(holder: str) -> None:
    """Move what changed to the published tables."""
    from rapport.transform import publish as publish_tables

    with _building(holder, "publish") as (night, current):
        current.result = dict(publish_tables(run_id=night.run_id, as_of=night.as_of))


def evaluate() -> None:
    """Who is in which segment tonight; a file that cannot be read leaves the night partial."""
    from rapport import activation
    from rapport.activation.segments.declarations import load

    night = _night()
    with stage(night, "evaluate segments") as current:
        current.result = activation.evaluate(night.run_id, night.as_of)
    problems = load().problems
    with contextlib.suppress(ConfigError), stage(night, "read segments"):
        if problems:
            raise ConfigError(
                "\n".join(problems.values()) + "\nTheir lists add nobody, and let people go by the "
                "last version that could be read."
            )


def plan() -> None:
    """What each tool has to be told, and who is left out and why."""
    from rapport import activation

    night = _night()
    with stage(night, "plan") as current:
        current.result = {"lists": activation.plan(night.run_id, night.as_of)}


def push(destination: str) -> None:
    """Tell a tool; one that is turned off only where people are still on a list there.

    Where it refused many rows, that is the error of a stage and stops nothing.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from rapport import activation

    night = _night()
    if activation.is_idle(night.run_id, night.as_of, destination):
        raise AirflowSkipException(f"{destination} is turned off and holds nobody")
    with stage(night, f"push {destination}") as current:
        current.result = dict(
            activation.push(run_id=night.run_id, as_of=night.as_of, destination=destination) or {}
        )
    with contextlib.suppress(GiveUp), stage(night, f"answers of {destination}") as current:
        current.result = dict(activation.judge(night.run_id, destination))


def answer_requests() -> None:
    """Answer what people asked for; no part of a night."""
    from rapport import privacy, warehouse

    with warehouse.connect(autocommit=True, application_name="privacy") as connection:
        counts = privacy.work(connection, at=datetime.now(UTC))
    if counts["failed"]:
        raise RetryLater(
            f"privacy: {counts['failed']} requests could not be answered, {counts['overdue']} are "
            "overdue. `rapport privacy requests` says why."
        )


def prune() -> None:
    """Let go of what was kept long enough; no part of a night."""
    from rapport import warehouse
    from rapport.privacy.retention import prune as let_go

    with warehouse.connect(autocommit=True, application_name="prune") as connection:
        log.info("pruned: %s", let_go(connection, at=datetime.now(UTC)))


def ask_for_approval() -> None:
    """Set the DAG off that asks a person, where a list waits for one; else skip."""
    from airflow.sdk.exceptions import AirflowSkipException

    if not waiting():
        raise AirflowSkipException("no list waits for approval")


def waiting() -> list[dict[str, str]]:
    """What is to be asked about each list that waits: ids and counts."""
    from rapport import warehouse
    from rapport.activation.planning.approval import questions

    with warehouse.connect(autocommit=True) as connection:
        return questions(connection)


def tell() -> None:
    """Tell people of lists that began to fail, recovered or wait, by `alerts` of rapport.yml."""
    from rapport import activation
    from rapport.tasks import alerts

    night, settings = _night(), load_settings()
    with stage(night, "tell") as current:
        told = activation.tell(night.run_id, night.as_of, lambda text: alerts.tell(settings, text))
        current.result = {"changes": len(told)}


def report() -> None:
    """Close the night and write its summary."""
    from rapport.tasks.closing import close

    close(_night())


def _counts(result: Any) -> dict[str, Any]:
    kept = ("read", "landed", "unchanged", "rejected", "repaired", "deleted", "warning")
    return {name: value for name, value in asdict(result).items() if name in kept}

"""What the DAG files share: retries by class of error, the cut-off, notes for who is on call.

>>> from rapport.settings import Settings
>>> cutoff(Settings())
'0 5 * * *'
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, ExceptionRetryPolicy, RetryAction, RetryRule

from rapport.errors import ConfigError
from rapport.settings import Settings
from rapport.tasks.cut_off import time_of_day

RETRIES = ExceptionRetryPolicy(
    rules=[
        RetryRule(
            exception="rapport.errors.RetryLater",
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=10),
            reason="the other side is busy or down",
        ),
        *(
            RetryRule(
                exception=f"rapport.errors.{name}",
                action=RetryAction.FAIL,
                reason="trying again cannot help until somebody changes something",
            )
            for name in ("ConfigError", "GiveUp", "GateFailed", "AlreadyRunning", "StaleWriter")
        ),
    ]
)


def proposed(context: Mapping[str, Any]) -> datetime | None:
    """The time of the schedule; None for a run that an asset or a person set off."""
    return context["dag_run"].logical_date if set_off_by(context) == "scheduled" else None


def set_off_by(context: Mapping[str, Any]) -> str:
    """What began the run: `scheduled`, `asset_triggered` or `manual`."""
    kind = context["dag_run"].run_type
    return str(getattr(kind, "value", kind))


class WaitForSources(BaseSensorOperator):
    """Holds a build until every source has landed; releases its place between two looks."""

    def poke(self, context: Mapping[str, Any]) -> bool:
        """Look once."""
        from rapport.tasks import verbs

        return verbs.wait_for_sources(set_off_by(context))


def cutoff(settings: Settings) -> str:
    """The cron line of the cut-off: the nightly one, `cutoff_minutes` later, same days."""
    begin = time_of_day(settings.schedule)
    days = settings.schedule.nightly.split()[2:]
    later = begin.hour * 60 + begin.minute + settings.schedule.cutoff_minutes
    if later >= 24 * 60 and days != ["*", "*", "*"]:
        raise ConfigError(
            "rapport.yml: the cut-off falls on the next day. Begin earlier or shorten "
            "schedule.cutoff_minutes."
        )
    return " ".join([str(later % 60), str(later // 60 % 24), *days])


def notifiers(settings: Settings) -> list[Any]:
    """Airflow notifiers for a DAG that failed, as `alerts` in rapport.yml says; none by default."""
    from rapport.tasks.alerts import notifiers as configured

    return configured(settings)


def ingest_notes(source: str) -> str:
    """Triage notes of an ingest DAG."""
    return f"""
Pulls **{source}** since its watermark and lands what is new as versions in `raw.{source}__*`.

**If `land` fails**
- `GiveUp` with 401 or 403: the connection `{source}` is refused. Put it right, clear the task.
- `RetryLater`: {source} is busy or down. It is tried again; the night goes on without it at the
  cut-off, is `partial` then, and `marts.data_status` says how old its data is. What lands later is
  built with the next run of `build_customers`: once all late sources are there, or next night.
- `AlreadyRunning`: another run of this task is alive. Wait for it.

**If `check_arrival` fails**: the message names the expectation and the report. What landed stays.
If it is right after all, change the guard in `expectations/` or clear the task once it is normal.

**It is safe** to clear and run any task again at any time: the same records land once.
**Look at** `raw.loads` and `raw.rejected_records`, or run `rapport sources`.
**More**: `docs/runbooks.md`.
"""


BUILD_NOTES = """
Builds staging, identity, marts and metrics in schemas of their own, judges them, and moves what
changed to `marts` and `marts_pii` in one transaction. Begins when every source has landed, or at
the cut-off; the run of the cut-off is skipped where nothing landed since the marts were published.

**If `wait_for_sources` waits**: its log names the sources; it ends at the cut-off.
**If a `build_*` task fails**: the message names the model or test. Readers see last night.
**If `check_publication` fails**: the message names the expectation and the report. Readers see last
night, nothing is sent.
**If `publish` fails** with `RetryLater`: a reader holds a table; end its transaction.

**It is safe** to clear and run any task again, in any order.
**More**: `docs/runbooks.md`.
"""

PRIVACY_NOTES = """
Answers what people asked for: erasure in every store and tool, or an archive of what is held. Each
request has the day by which the law wants it answered. Then lets go of what was kept long enough
(`privacy` in `rapport.yml`).

**If `answer` fails**: `rapport privacy requests` shows the request and its problem. A tool that is
down is asked again in half an hour; the stores are emptied meanwhile.
**If a request names nobody, or several customers**: find them with `rapport card` and ask anew.
**If `prune` fails** with `RetryLater`: a night is under way. The next run does it.

**It is safe** to clear and run any task again: what has its receipt is not done twice.
**More**: `docs/runbooks.md`.
"""

ACTIVATE_NOTES = """
Evaluates the segments on the published marts, plans what each tool has to be told, checks consent
once more, pushes, and keeps a ledger row for each accepted person.

**If `evaluate` fails**: a segment's SQL does not run; the message names it.
**If a `push_*` task fails**: what was accepted is in the ledger; run it again and it goes on there.
**If a list waits for approval**: answer in `approve_lists`, or `rapport approve <segment>`. The
other lists go on; this one stays as it was last night.
**If `tell` fails**: a connection of `alerts` does not work; it is told again next time.

**It is safe** to clear and run any task again.
**More**: `docs/runbooks.md`.
"""

APPROVE_NOTES = """
Asks a person about each list that would change by more than its budget, or is larger or smaller
than its band. After a yes `activate_segments` runs again and lets that change through. A no, or no
answer in time, keeps last night's list; the next night asks again if it is still too much.

**If `ask` is skipped**: nobody answered, or the question was put anew since.
**If `activate` fails**: `activate_segments` cannot be set off; the next night acts on the answer.

**It is safe** to clear a question and to answer by `rapport approve <segment>` instead: an answer
counts for the question that was asked, not for a larger change of a later night.
**More**: `docs/runbooks.md`.
"""

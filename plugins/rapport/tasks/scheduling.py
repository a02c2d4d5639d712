"""What the DAG files share: retries by class of error, the cut-off, notes for who is on call.

>>> from rapport.settings import Settings
>>> cutoff(Settings())
'0 5 * * *'
"""

from collections.abc import Mapping
from datetime import timedelta
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


class WaitForSources(BaseSensorOperator):
    """Holds a build until every source has landed; releases its place between two looks."""

    def poke(self, context: Mapping[str, Any]) -> bool:
        """Look once."""
        from rapport.tasks import verbs

        return verbs.wait_for_sources(verbs.trigger_of(context["dag_run"]))


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
Loads **{source}** from its watermark on. New and changed records land as versions in
`raw.{source}__*`.

**If `land` fails**
- `GiveUp` with 401 or 403: {source} refuses the login of the connection `{source}`. Correct the
  connection, then clear the task.
- `RetryLater`: {source} is busy or down. The task is retried. At the cut-off the run continues
  without {source} and is `partial`; `marts.data_status` shows the age of its data. Records that
  land later are built by the next run of `build_customers`: when all late sources are loaded, or
  the next day.
- `AlreadyRunning`: another run of this task is alive. Wait for it.

**If `check_arrival` fails**: the message names the expectation and the report. Loaded records
stay. If the data is right, change the guard in `expectations/`. If not, clear the task once it
is.

**It is safe** to clear and run any task again at any time: the same records land once.
**Look at** `raw.loads` and `raw.rejected_records`, or run `rapport sources`.
**More**: `docs/runbooks.md`.
"""


BUILD_NOTES = """
Builds staging, identity, marts and metrics in separate schemas, checks them, and publishes the
changes to `marts` and `marts_pii` in one transaction. Starts when every source is loaded, or at
the cut-off. The run of the cut-off is skipped if nothing was loaded since the last publication.

**If `wait_for_sources` waits**: its log names the sources. It ends at the cut-off.
**If a `build_*` task fails**: the message names the model or test. The published tables stay as
they are.
**If `check_publication` fails**: the message names the expectation and the report. The published
tables stay as they are, and nothing is sent.
**If `publish` fails** with `RetryLater`: a reader holds a table. End its transaction.

**It is safe** to clear and run any task again, in any order.
**More**: `docs/runbooks.md`.
"""

PRIVACY_NOTES = """
Answers privacy requests: erasure in every store and at every destination, or an archive of the
person's data. Each request has a legal due date. Then deletes data past its retention (`privacy`
in `rapport.yml`).

**If `answer` fails**: `rapport privacy requests` shows the request and its problem. A destination
that is down is called again in half an hour; the stores are erased in the meantime.
**If a request matches nobody, or several customers**: find them with `rapport card` and ask
again.
**If `prune` fails** with `RetryLater`: a run is in progress. The next run of this DAG prunes.

**It is safe** to clear and run any task again: a step with a receipt is not repeated.
**More**: `docs/runbooks.md`.
"""

ACTIVATE_NOTES = """
Evaluates the segments on the published marts, plans the changes of each list, checks consent
again, pushes to the destinations, and writes the sync ledger for each accepted person.

**If `evaluate` fails**: the SQL of a segment fails; the message names the segment.
**If a `push_*` task fails**: accepted people are in the sync ledger. Run the task again; it
continues there.
**If a list waits for approval**: answer in `approve_lists`, or with `rapport approve <segment>`.
The other lists continue; this one stays as it was.
**If `tell` fails**: a connection of `alerts` does not work. The alert is sent again next time.

**It is safe** to clear and run any task again.
**More**: `docs/runbooks.md`.
"""

APPROVE_NOTES = """
Asks for approval of each list that would change by more than its budget, or that is larger or
smaller than its size band. After an approval, `activate_segments` runs again and sends the
change. After a decline, or without an answer in time, the list stays as it was; the next run asks
again if needed.

**If `ask` is skipped**: nobody answered, or the question was replaced by a newer one.
**If `activate` fails**: `activate_segments` cannot be triggered. The next run applies the answer.

**It is safe** to clear a question and to answer with `rapport approve <segment>` instead: an
answer counts for the question that was asked, not for a larger change of a later run.
**More**: `docs/runbooks.md`.
"""

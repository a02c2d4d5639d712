"""The end of a run: its status, its summary and its report.

>>> close(run)  # doctest: +SKIP
Summary(run_id='20260331T030000Z-01', status='succeeded', ...)
"""

import logging

from rapport.pages import report
from rapport.runs.run import Run, finish
from rapport.runs.summary import Summary, status_of, summarise, write

log = logging.getLogger(__name__)


def close(run: Run) -> Summary:
    """Close the run with the status that its stages give it; write its summary and report."""
    finish(run, status_of(summarise(run).stages))
    summary = summarise(run)
    write(summary)
    _report(run)
    return summary


def _report(run: Run) -> None:
    """A report that cannot be written must not fail a run whose lists were already pushed."""
    try:
        report.write(run.run_id)
    except Exception as error:
        log.error("the report of %s was not written: %s", run.run_id, type(error).__name__)

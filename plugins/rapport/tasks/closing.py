"""The end of a run: its status, its summary and its report.

>>> close(run)  # doctest: +SKIP
Summary(run_id='20260331T030000Z-01', status='succeeded', ...)
"""

import logging

from rapport.pages import report
from rapport.runs.run import Night, finish
from rapport.runs.summary import Summary, status_of, summarise, write

log = logging.getLogger(__name__)


def close(night: Night) -> Summary:
    """Close the night with the status that its stages give it; write its summary and report."""
    finish(night, status_of(summarise(night).stages))
    summary = summarise(night)
    write(summary)
    _report(night)
    return summary


def _report(night: Night) -> None:
    """A page that cannot be drawn must not fail a night whose lists are with the tools."""
    try:
        report.write(night.run_id)
    except Exception as error:
        log.error("the report of %s was not written: %s", night.run_id, type(error).__name__)

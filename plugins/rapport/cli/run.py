"""`rapport run` and `rapport status`: do one run, and show the newest one."""

import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(run)
    app.command()(status)


def run(
    as_of: Annotated[
        datetime | None,
        typer.Option(help="Use this time (UTC) as now, to repeat a run."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Do one run: load, build, check, publish, push.

    You can stop it at any point and run again. Exits with 1 if a part of the run failed.
    """
    from rich.console import Console
    from rich.status import Status

    from rapport.cli.run_tables import tables
    from rapport.operations.local_run import run as run_night

    started = time.monotonic()
    with Status("run", console=Console(file=sys.stderr)) as line:
        summary = run_night(
            lambda step: line.update(step), as_of.replace(tzinfo=UTC) if as_of else None
        )
    seconds = time.monotonic() - started
    show(summary.model_dump(mode="json"), lambda: tables(summary, seconds), as_json)
    if summary.status != "succeeded":
        raise typer.Exit(1)


def status(as_json: AsJson = False) -> None:
    """Show the newest run: how far it got and what it did."""
    from rapport.cli.run_tables import tables
    from rapport.runs import latest
    from rapport.runs.summary import summarise

    night = latest()
    if night is None:
        typer.echo("{}" if as_json else "No run yet. Start with `rapport run`.")
        return
    summary = summarise(night)
    show(summary.model_dump(mode="json"), lambda: tables(summary), as_json)

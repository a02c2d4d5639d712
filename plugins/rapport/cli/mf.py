"""`rapport mf`: MetricFlow on the published marts."""

import os
import subprocess
import sys
from pathlib import Path

import typer

READER = "bi_reader"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, name="mf"
    )(run_mf)


def run_mf(context: typer.Context) -> None:
    """Query metrics, for example `rapport mf query --metrics nps --group-by metric_time`."""
    from rapport.runs import clock, latest
    from rapport.settings import load_settings
    from rapport.transform import dbt, metricflow

    night = latest()
    as_of = night.as_of if night else clock(load_settings())
    folder = metricflow.prepare()
    with dbt.adjusted_environment(as_of, READER):
        environment = {
            **os.environ,
            "DBT_PROFILES_DIR": str(folder),
            "DBT_PROJECT_DIR": str(folder),
        }
    command = [str(Path(sys.executable).with_name("mf")), *context.args]
    raise typer.Exit(subprocess.run(command, cwd=folder, env=environment, check=False).returncode)

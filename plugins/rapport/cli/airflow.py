"""`rapport airflow …`: Airflow's own command line in the environment in which Rapport runs it."""

import os
import sys

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    settings = {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],  # so that --help is Airflow's
    }
    app.command(context_settings=settings)(airflow)


def airflow(context: typer.Context) -> None:
    """Airflow's command line, with this project's database, folders and keys."""
    from rapport.operations import airflow_env

    airflow_env.apply()
    os.execv(sys.executable, [sys.executable, "-m", "airflow", *context.args])  # noqa: S606

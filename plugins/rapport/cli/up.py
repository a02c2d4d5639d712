"""`rapport up` and `rapport down`: the project under Airflow's scheduler, with its UI."""

import os
from typing import Annotated

import typer

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)


def up(
    as_json: AsJson = False,
    port: Annotated[int, typer.Option(help="Port of the UI on 127.0.0.1.")] = 8080,
) -> None:
    """Start Postgres, the sandbox and Airflow in the background; the nightly schedule is active."""
    from rich.console import Console

    from rapport import warehouse
    from rapport.operations import airflow_env, services
    from rapport.settings import load_settings

    settings = load_settings()
    if port != airflow_env.PORT:
        os.environ["AIRFLOW__API__PORT"] = str(port)
    with Console(stderr=True).status("Postgres") as spinner:
        warehouse.migrate()
        if settings.demo:
            from rapport import demo

            spinner.update("sandbox")
            demo.ensure_running()
        services.up(progress=spinner.update)
    name, password = services.login()
    data = {"url": services.address(), "login": name, "password": password, "dags": services.dags()}
    show(
        data,
        lambda: (
            f"Airflow: {data['url']}\nlogin:   {name}\npassword: {password}\n"
            f"{len(data['dags'])} DAGs; runs start at {settings.schedule.nightly} (UTC). "
            "`make down` stops everything."
        ),
        as_json,
    )


def down(as_json: AsJson = False) -> None:
    """Stop Airflow, the sandbox and the embedded Postgres; all data is kept."""
    from rapport import demo
    from rapport.operations import services
    from rapport.warehouse import embedded

    stopped = services.down()
    if demo.stop():
        stopped.append("sandbox")
    if embedded.stop():
        stopped.append("postgres")
    show(
        {"stopped": stopped},
        lambda: f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.",
        as_json,
    )

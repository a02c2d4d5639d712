"""`rapport db`: the warehouse from the command line."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the commands."""
    db = typer.Typer(help="Manage the warehouse: server, address, tables, logins, backups.")
    commands = (
        start, stop, status, url, migrate, login, demote, backup, restore, prune, psql, remove,
    )  # fmt: skip
    for command in commands:
        settings = {"allow_extra_args": True, "ignore_unknown_options": True}
        db.command(context_settings=settings if command is psql else None)(command)
    app.add_typer(db, name="db", no_args_is_help=True)


def start(as_json: AsJson = False) -> None:
    """Start the embedded Postgres if it is not running."""
    from rapport.warehouse import embedded

    server = embedded.start()
    show(
        {"running": True, "pid": server.pid, "port": server.port},
        lambda: f"Postgres runs on 127.0.0.1:{server.port} (process {server.pid}).",
        as_json,
    )


def stop(as_json: AsJson = False) -> None:
    """Stop the embedded Postgres."""
    from rapport.warehouse import embedded

    stopped = embedded.stop()
    show(
        {"stopped": stopped},
        lambda: "Postgres is stopped." if stopped else "Postgres was not running.",
        as_json,
    )


def status(as_json: AsJson = False) -> None:
    """Show whether the embedded Postgres runs, and which Postgres the warehouse is."""
    from rapport.warehouse import embedded, is_embedded

    server, ours = embedded.status(), is_embedded()
    data = {
        "running": server is not None,
        "pid": server.pid if server else None,
        "port": server.port if server else None,
        "warehouse": "embedded" if ours else "connection",
    }
    runs = f"runs on 127.0.0.1:{server.port} (process {server.pid})" if server else "does not run"
    which = "the embedded Postgres" if ours else 'the connection "warehouse"'
    show(data, lambda: f"The embedded Postgres {runs}. The warehouse is {which}.", as_json)


def url(
    as_json: AsJson = False,
    airflow: Annotated[bool, typer.Option("--airflow", help="Airflow's database instead.")] = False,
) -> None:
    """Print the address of the warehouse's owner, with the password. Keep it secret."""
    from rapport import warehouse

    address = warehouse.airflow_url() if airflow else warehouse.url()
    if as_json:
        show({"url": address}, lambda: address, as_json)
    else:
        typer.echo(address)  # not through the table printer, which breaks long lines


def migrate(
    as_json: AsJson = False,
    airflow: Annotated[bool, typer.Option("--airflow", help="Include Airflow's tables.")] = False,
) -> None:
    """Apply new migrations, roles and grants to the warehouse."""
    from rapport import warehouse
    from rapport.operations.airflow_env import ensure_airflow_metadata

    applied = warehouse.migrate()
    if airflow and ensure_airflow_metadata():
        applied.append("airflow")
    show(
        {"applied": applied},
        lambda: f"Applied: {', '.join(applied)}." if applied else "Nothing to apply.",
        as_json,
    )


def login(
    name: Annotated[str, typer.Argument(help="The login, such as metabase or anna.")],
    role: Annotated[str, typer.Option(help="One of the roles in the README.")] = "bi_reader",
    as_json: AsJson = False,
) -> None:
    """Create a login with one role and print its address with a new password."""
    from urllib.parse import quote, urlsplit

    from rapport import warehouse
    from rapport.warehouse import roles

    warehouse.migrate()
    with warehouse.connect() as connection:
        password = roles.make_login(connection, name, role)
    parts = urlsplit(warehouse.url())
    data_folder = parts.netloc.rpartition("@")[2]
    address = parts._replace(netloc=f"{quote(name)}:{password}@{data_folder}").geturl()
    if as_json:
        show({"login": name, "role": role, "url": address}, lambda: address, as_json)
    else:
        typer.echo(address)  # not through the table printer, which breaks long lines


def demote(as_json: AsJson = False) -> None:
    """Take superuser rights from the warehouse's login; a new login becomes the superuser.

    For your own server on which `rapport` is the first superuser, as older versions of docker
    compose created it. Prints the new superuser's password, which Rapport does not need.
    """
    from rapport import warehouse
    from rapport.warehouse import cluster

    password = cluster.demote_login(warehouse.url())
    said = (
        "The warehouse's login is not a superuser: nothing to do."
        if password is None
        else f"The superuser is now {cluster.ADMIN}, with the password {password}. Keep it safe."
    )
    show({"password": password}, lambda: said, as_json)


def backup(
    to: Annotated[Path | None, typer.Option(help="The folder; var/backups by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole warehouse into one file, which contains personal data."""
    from rapport.operations.backup import backup as write

    path = write(at=datetime.now(UTC), folder=to)
    show({"backup": str(path), "bytes": path.stat().st_size}, lambda: str(path), as_json)


def restore(
    backup: Annotated[Path, typer.Argument(help="A file that `rapport db backup` wrote.")],
    as_json: AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Replace the warehouse by a backup, and repeat the erasures since the backup."""
    from rapport.operations.backup import restore as read

    if not yes:
        typer.confirm("Replace everything in the warehouse?", abort=True)
    counts = read(backup, at=datetime.now(UTC))
    said = f"Restored; {counts['people']} people erased again, {counts['records']} records too."
    show(counts, lambda: said, as_json)


def prune(as_json: AsJson = False) -> None:
    """Delete data past its retention (`privacy` in rapport.yml), and leftovers of crashes."""
    from rapport import warehouse
    from rapport.privacy.retention import prune as let_go

    with warehouse.connect(autocommit=True) as connection:
        counts = let_go(connection, at=datetime.now(UTC))
    gone = {what: count for what, count in counts.items() if count}
    said = ", ".join(f"{count:,} {what}" for what, count in gone.items()) or "nothing"
    show(counts, lambda: f"Deleted: {said}.", as_json)


def psql(context: typer.Context) -> None:
    """Open psql on the warehouse. Arguments after `--` go to psql."""
    from psycopg.conninfo import conninfo_to_dict

    from rapport import warehouse
    from rapport.warehouse import data_folder

    fields = conninfo_to_dict(warehouse.url())
    os.environ["PGPASSWORD"] = str(fields.pop("password", ""))  # arguments are seen by everybody
    target = " ".join(f"{key}='{value}'" for key, value in fields.items())
    program = str(data_folder.package() / "bin" / "psql")
    os.execv(program, [program, target, *context.args])  # noqa: S606


def remove(
    as_json: AsJson = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stop the embedded Postgres and delete everything in it."""
    from rapport.warehouse import embedded

    if not yes:
        typer.confirm("Delete the embedded warehouse and Airflow's database?", abort=True)
    embedded.remove()
    show({"removed": True}, lambda: "The embedded Postgres and its data are gone.", as_json)

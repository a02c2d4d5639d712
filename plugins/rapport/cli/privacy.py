"""`rapport privacy`: the queue of privacy requests, and the notice for customers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from rapport.command_output import AsJson, show

privacy = typer.Typer(help="Privacy requests, and the notice for customers.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(privacy, name="privacy")


@privacy.command()
def requests(as_json: AsJson = False) -> None:
    """List all requests with state and due date."""
    from dataclasses import asdict

    from rich.table import Table

    from rapport import warehouse
    from rapport.privacy.requests import every

    with warehouse.connect() as connection:
        found = every(connection)

    def render() -> Table:
        table = Table("request", "kind", "state", "due", "finished", "problem")
        for one in found:
            ended = f"{one.finished_at:%Y-%m-%d}" if one.finished_at else ""
            due = f"{one.due_at:%Y-%m-%d}"
            cells = (str(one.request_id), one.kind, one.state, due, ended, one.problem or "")
            table.add_row(*cells)
        return table

    shown = [{k: v for k, v in asdict(one).items() if k != "person"} for one in found]
    show(shown, render, as_json)


@privacy.command()
def ask(
    kind: Annotated[str, typer.Argument(help="erase or access")],
    person: Annotated[str, typer.Argument(help="As for `rapport erase`.")],
    as_json: AsJson = False,
) -> None:
    """Add a request to the queue for the DAG privacy_requests."""
    from typing import cast

    from rapport import warehouse
    from rapport.errors import ConfigError
    from rapport.privacy.requests import Kind, request

    if kind not in ("erase", "access"):
        raise ConfigError(f'no kind "{kind}" of request: write erase or access.')
    with warehouse.connect(autocommit=True) as connection:
        made = request(connection, cast(Kind, kind), person, at=datetime.now(UTC))
    said = f"Request {made.request_id}, due on {made.due_at:%Y-%m-%d}."
    show({"request_id": made.request_id, "due_at": made.due_at}, lambda: said, as_json)


@privacy.command()
def work(as_json: AsJson = False) -> None:
    """Answer the requests in the queue, the most urgent first."""
    from rapport import privacy as area
    from rapport import warehouse

    with warehouse.connect(autocommit=True) as connection:
        counts = area.work(connection, at=datetime.now(UTC))
    said = ", ".join(f"{count} {name}" for name, count in counts.items())
    show(counts, lambda: said, as_json)
    if counts["failed"]:
        raise typer.Exit(1)


@privacy.command()
def lift(
    person: Annotated[str, typer.Argument(help="The e-mail address or user id to allow again.")],
    as_json: AsJson = False,
) -> None:
    """Delete the tombstone of an erased person who wants to be a customer again."""
    from rapport import warehouse
    from rapport.landing import tombstones

    namespace = "email" if "@" in person else "user_id"
    with warehouse.connect(autocommit=True) as connection:
        count = tombstones.remove(connection, {namespace: {person.strip()}})
    show({"lifted": count}, lambda: f"{count} tombstones lifted.", as_json)


@privacy.command()
def notice(
    to: Annotated[Path | None, typer.Option(help="Write the page to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the notice for customers: which data, why, from where, and who receives it."""
    from rapport import warehouse
    from rapport.privacy.notice import notice as read

    with warehouse.connect() as connection:
        page = read(connection)
    if to is not None:
        to.write_text(page.markdown(), encoding="utf-8")
        show({"written": str(to)}, lambda: str(to), as_json)
    elif as_json:
        show(page.as_dict(), page.markdown, as_json)
    else:
        typer.echo(page.markdown())

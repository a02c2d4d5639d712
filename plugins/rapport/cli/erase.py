"""`rapport erase` and `rapport access`: what a person may ask for."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from rapport.command_output import AsJson, show

Who = Annotated[str, typer.Argument(help="Customer or profile id, e-mail address or phone number.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(erase)
    app.command()(access)


def erase(
    person: Who,
    as_json: AsJson = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only, erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person in the warehouse and at every destination, and block new loads of them."""
    from rich.table import Table

    from rapport import privacy, warehouse
    from rapport.privacy import requests
    from rapport.privacy.erase import preview, receipts

    warehouse.migrate()
    with warehouse.connect(autocommit=True) as connection:
        if dry_run or not yes:
            counts = preview(connection, person)
            table = Table("store", "items")
            for store, items in counts.items():
                table.add_row(store, f"{items:,}")
            show({"would_erase": counts}, lambda: table, as_json)
            if dry_run:
                return
            typer.confirm("Erase this person? It cannot be undone.", abort=True, err=True)
        request = requests.request(connection, "erase", person, at=datetime.now(UTC))
        privacy.answer(connection, request, at=datetime.now(UTC))
        given = receipts(connection, request.request_id)

    def render() -> Table:
        table = Table("store", "state", "items", "answer", title=f"Request {request.request_id}")
        for receipt in given:
            if receipt.state != "nothing":
                cells = (receipt.store, receipt.state, f"{receipt.items:,}", receipt.answer or "")
                table.add_row(*cells)
        return table

    show({"request_id": request.request_id, "receipts": given}, render, as_json)


def access(person: Who, as_json: AsJson = False) -> None:
    """Write all data about a person into one archive, JSON and HTML."""
    from rapport import warehouse
    from rapport.paths import var_dir
    from rapport.privacy import answer, requests

    warehouse.migrate()
    with warehouse.connect(autocommit=True) as connection:
        request = requests.request(connection, "access", person, at=datetime.now(UTC))
        answer(connection, request, at=datetime.now(UTC))
    path = var_dir() / "access" / f"access-{request.request_id}.zip"
    show({"request_id": request.request_id, "archive": str(path)}, lambda: str(path), as_json)

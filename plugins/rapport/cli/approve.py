"""`rapport approve`: approve or decline a change of a list that exceeds its limits."""

from typing import Annotated

import typer
from rich.table import Table

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(approve)


def approve(
    segment: Annotated[str | None, typer.Argument(help="The key; lists all if left out.")] = None,
    decline: Annotated[bool, typer.Option(help="Decline: keep the list as it is.")] = False,
    reason: Annotated[str, typer.Option(help="Stored with the decision.")] = "",
    as_json: AsJson = False,
) -> None:
    """Approve a change that waits, so that the next run sends it, or decline it."""
    from rapport.activation.planning.approval import decide, pending
    from rapport.warehouse import connect

    with connect(autocommit=True) as connection:
        if segment is not None:
            count = decide(connection, segment, approve=not decline, reason=reason)
            word = "declined" if decline else "approved"
            show(
                {"segment": segment, "decision": word, "lists": count},
                lambda: f"{segment}: {word} for {count} list(s). The next run applies it.",
                as_json,
            )
            return
        waiting = pending(connection)

    def table() -> Table:
        made = Table(
            "segment", "list", "adds", "removes", "on the list", "cause", title="Needs approval"
        )
        for row in waiting:
            cells = (row["adds"], row["removes"], row["held"], row["cause"])
            made.add_row(row["segment"], row["destination"], *(str(cell) for cell in cells))
        return made

    show(waiting, table, as_json)

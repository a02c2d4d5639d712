"""`rapport segments`: who is in which segment, how large it is, and what was pushed last."""

import typer
from rich.table import Table

from rapport.cli.output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(segments)


def segments(as_json: AsJson = False) -> None:
    """List the segments: size, what changed in the last night, and the state of each list."""
    from rapport.activation.overview import overview
    from rapport.activation.segments import load
    from rapport.warehouse import connect

    definitions = load()
    with connect(autocommit=True) as connection:
        rows = overview(connection, definitions)

    def table() -> Table:
        columns = ("segment", "purpose", "members", "entered", "left", "list", "sent", "state")
        made = Table(*columns, title="Segments")
        for row in rows:
            entries = row["lists"] or [{"destination": "", "sent": "", "state": "not run yet"}]
            for place, entry in enumerate(entries):
                own = (row["segment"], row["purpose"], row["members"], row["entered"], row["left"])
                cells = own if place == 0 else ("",) * 5
                state = entry["state"]
                if place == 0 and row["problem"]:
                    state = row["problem"]
                made.add_row(
                    *(str(cell) for cell in cells), entry["destination"], str(entry["sent"]), state
                )
        return made

    show(rows, table, as_json)

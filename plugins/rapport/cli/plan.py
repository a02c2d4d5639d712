"""`rapport plan`: what a push would send now, and the effect of another version of a segment."""

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
    segment: Annotated[str | None, typer.Argument(help="The key of one segment.")] = None,
    compare_to: Annotated[
        str | None, typer.Option(help="A git revision to compare the segment with.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what would be pushed, without pushing it. Samples are ids."""
    from rapport.activation.planning.preview import last_evaluation, preview
    from rapport.activation.segments.declarations import load
    from rapport.activation.segments.reading import Reader
    from rapport.activation.segments.revision_comparison import compare
    from rapport.errors import ConfigError
    from rapport.warehouse import connect

    known = load().segments
    if segment is not None and segment not in known:
        raise ConfigError(f'no segment "{segment}". There are: {", ".join(known)}.')
    with connect(autocommit=True) as connection:
        lists = preview(connection, segment)
        as_of = last_evaluation(connection)
    with Reader(as_of) as reader:
        differences = [
            compare(reader, known[key], compare_to, as_of)
            for key in ([segment] if segment else known)
            if compare_to is not None
        ]
    show(
        {"as_of": as_of, "lists": lists, "compared": differences},
        lambda: _render(lists, differences),
        as_json,
    )


def _render(lists: list[dict[str, Any]], differences: list[dict[str, Any]]) -> RenderableType:
    table = Table("segment", "list", "state", "members", "add", "update", "remove", "not sent")
    for entry in lists:
        reasons = ", ".join(f"{reason} {count}" for reason, count in entry["not_sent"].items())
        state = entry["state"] + (f": {entry['cause']}" if entry["cause"] else "")
        counts = (entry[name] for name in ("members", "add", "update", "remove"))
        table.add_row(
            entry["segment"],
            entry["destination"],
            state,
            *(str(count) for count in counts),
            reasons,
        )
    if not differences:
        return table
    compared = Table(
        "segment", "compared to", "before", "after", "joins", "leaves", "joining", "leaving"
    )
    for entry in differences:
        counts = (entry[name] for name in ("before", "after", "joins", "leaves"))
        compared.add_row(
            entry["segment"], entry["revision"], *(str(count) for count in counts),
            " ".join(entry["joining"]), " ".join(entry["leaving"]),
        )  # fmt: skip
    return Group(table, compared)

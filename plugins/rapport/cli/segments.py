"""`rapport segments`: the size of each segment, and the state of each list."""

from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.table import Table

from rapport.command_output import AsJson, show


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(segments)


def segments(
    segment: Annotated[
        str | None, typer.Argument(help="A key, to show its sizes by run and its overlaps.")
    ] = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="Run the segments' unit tests with their own login."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the segments: size, what changed in the last run, and the state of each list."""
    from rapport.activation.answers.overview import detail, overview
    from rapport.activation.segments.declarations import load
    from rapport.errors import ConfigError
    from rapport.warehouse import connect

    definitions = load()
    if segment is not None and segment not in definitions.segments:
        raise ConfigError(f'no segment "{segment}". There are: {", ".join(definitions.segments)}.')
    if test:
        _test([definitions.segments[segment]] if segment else [*definitions.segments.values()])
        return
    with connect(autocommit=True) as connection:
        if segment is not None:
            found = detail(connection, segment)
            show(found, lambda: _render(found), as_json)
            return
        rows = overview(connection, definitions)

    def table() -> Table:
        columns = (
            "segment",
            "purpose",
            "members",
            "entered",
            "left",
            "list",
            "sent",
            "refused",
            "state",
        )
        made = Table(*columns, title="Segments")
        for row in rows:
            entries = row["lists"] or [
                {"destination": "", "sent": "", "refused": "", "state": "not run yet"}
            ]
            for place, entry in enumerate(entries):
                own = (row["segment"], row["purpose"], row["members"], row["entered"], row["left"])
                cells = own if place == 0 else ("",) * 5
                state = entry["state"]
                if place == 0 and row["problem"]:
                    state = row["problem"]
                made.add_row(
                    *(str(cell) for cell in cells),
                    entry["destination"],
                    str(entry["sent"]),
                    str(entry["refused"] or ""),
                    state,
                )
        return made

    show(rows, table, as_json)


def _test(chosen: list[Any]) -> None:
    """Print each unit test with what came of it; exit code 1 where one failed."""
    from rapport.activation.segments import unit_tests
    from rapport.activation.segments.reading import Reader

    table = Table("segment", "unit test", "", title="Unit tests")
    failed = 0
    with Reader(unit_tests.AS_OF) as reader:
        for one in chosen:
            for outcome in unit_tests.run(reader, one):
                failed += not outcome.passed
                said = "passed" if outcome.passed else f"failed: {outcome.problem}"
                table.add_row(one.key, outcome.name, said)
    Console().print(table)
    if failed:
        raise typer.Exit(1)


def _render(found: dict[str, Any]) -> Group:
    sizes = Table("run", "members", "entered", "left", "", title=found["segment"])
    for row in found["sizes"]:
        cells = (row["members"], row["entered"], row["left"], row["problem"] or "")
        sizes.add_row(f"{row['as_of']:%Y-%m-%d}", *map(str, cells))
    overlaps = Table("shares members with", "members")
    for row in found["overlaps"]:
        overlaps.add_row(row["segment"], str(row["members"]))
    return Group(sizes, overlaps)

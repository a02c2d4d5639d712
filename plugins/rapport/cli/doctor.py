"""`rapport doctor`: checks the installation and says what to do."""

import typer

from rapport.command_output import AsJson, show

MARKS = {"ok": "[green]ok[/]", "warning": "[yellow]warning[/]", "problem": "[red]problem[/]"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(as_json: AsJson = False) -> None:
    """Check configuration, connections, warehouse, disk and versions; exit 1 if a check fails."""
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Table

    from rapport.operations.doctor import examine

    findings = examine()

    def render() -> Table:
        table = Table("", "what", "found", "what to do", box=None, pad_edge=False)
        for finding in findings:
            texts = (finding.name, finding.found, finding.advice)
            table.add_row(MARKS[finding.state], *(escape(text) for text in texts))
        return table

    problems = sum(finding.state == "problem" for finding in findings)
    show(
        {"ok": problems == 0, "findings": [asdict(finding) for finding in findings]},
        render,
        as_json,
    )
    if problems:
        raise typer.Exit(1)

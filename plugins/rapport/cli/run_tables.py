"""The summary of a run as tables for a terminal.

>>> tables(summary)  # doctest: +SKIP
"""

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rapport.runs.summary import Summary, path_of

COLOURS = {"succeeded": "green", "partial": "yellow", "failed": "red", "running": "cyan"}


def tables(summary: Summary, seconds: float | None = None) -> RenderableType:
    """Everything that `summary.json` holds, in the order in which it happened.

    `seconds` is how long the whole command took, where it is known.
    """
    parts: list[RenderableType] = [
        _headline(summary, seconds),
        _sources(summary),
        _customers(summary),
    ]
    if summary.reasons:
        parts.append(_reasons(summary))
    if summary.metrics:
        parts.append(_metrics(summary))
    if summary.gates:
        parts.append(_gates(summary))
    if summary.segments:
        parts.append(_segments(summary))
    parts.append(_stages(summary))
    parts += [
        Text(f"{stage.name}: {stage.error}", style="red") for stage in summary.stages if stage.error
    ]
    parts.append(Text(f"The same as JSON: {path_of(summary.run_id)}", style="dim"))
    report = path_of(summary.run_id).with_name("report.html")
    if report.is_file():
        parts.append(Text(f"and as a page: {report}", style="dim"))
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right")
    return table


def _headline(summary: Summary, seconds: float | None) -> Text:
    took = "" if seconds is None else f", {seconds:.1f} s"
    return Text(
        f"Run {summary.run_id}: {summary.status}{took}",
        style=f"bold {COLOURS.get(summary.status, 'white')}",
    )


def _sources(summary: Summary) -> Table:
    table = _table("Landed", "stream", "read", "landed", "unchanged", "rejected", "deleted")
    for source, streams in summary.sources.items():
        for name, stream in streams.items():
            table.add_row(
                f"{source} {name}" + (f"\n  {escape(stream.warning)}" if stream.warning else ""),
                *(
                    f"{count:,}" if count else "·"
                    for count in (
                        stream.read,
                        stream.landed,
                        stream.unchanged,
                        stream.rejected,
                        stream.deleted,
                    )
                ),
            )
    return table


def _reasons(summary: Summary) -> Table:
    table = _table("Rejected or odd", "stream", "what", "records", "reason")
    for one in summary.reasons:
        where = f" ({one.example})" if one.example else ""
        table.add_row(
            f"{one.source} {one.stream}",
            one.outcome,
            f"{one.records:,}",
            escape(one.reason + where),
        )
    return table


def _customers(summary: Summary) -> Table:
    table = _table("Customers", "", "total", "new", "merged", "split")
    people = summary.customers
    table.add_row(
        "customers", *(f"{n:,}" for n in (people.total, people.new, people.merged, people.split))
    )
    return table


def _metrics(summary: Summary) -> Table:
    table = _table("Metrics", "metric", "value")
    for name, value in summary.metrics.items():
        table.add_row(escape(name), "none yet" if value is None else f"{value:,.2f}")
    return table


def _gates(summary: Summary) -> Table:
    table = _table("Gates", "gate", "passed", "failed")
    for name, gate in summary.gates.items():
        table.add_row(name, str(gate.passed), str(gate.failed))
    return table


def _segments(summary: Summary) -> Table:
    table = _table(
        "Segments", "segment", "members", "added", "removed", "refused", "sent", "not sent"
    )
    for name, segment in summary.segments.items():
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(segment.not_sent.items()))
        table.add_row(
            name,
            *(f"{n:,}" for n in (segment.members, segment.added, segment.removed)),
            f"[red]{segment.refused:,}[/red]" if segment.refused else "·",
            f"{segment.sent:,}",
            reasons or "·",
        )
    return table


def _stages(summary: Summary) -> Table:
    table = _table("Stages", "stage", "seconds", "")
    for stage in summary.stages:
        table.add_row(stage.name, f"{stage.seconds:.2f}", stage.status)
    return table

"""`rapport files`: what is in a file, and what a dataset of files would load."""

import sys
import time
from typing import Annotated, Any

import typer

from rapport.command_output import AsJson, show

QUIET_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    files = typer.Typer(help="Look at files before they are loaded.", no_args_is_help=True)
    files.command()(inspect)
    files.command()(check)
    app.add_typer(files, name="files")


def inspect(
    path: Annotated[str, typer.Argument(help="A file, a folder or a pattern.")],
    name: Annotated[str | None, typer.Option(help="The name of the dataset.")] = None,
    entity: Annotated[str | None, typer.Option(help="What the rows are, as orders.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook.")] = None,
    conn_id: Annotated[str | None, typer.Option(help="The connection of a remote path.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Add it to rapport.yml.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a sample of a file, say what is in it, and propose the dataset for rapport.yml."""
    from rapport.connectors.files.inspection import inspect as looking
    from rapport.paths import config_file
    from rapport.settings import load_settings

    found = looking.inspect(
        path, name=name, entity=entity, sheet=sheet, conn_id=conn_id,
        timezone=load_settings().company.timezone,
    )  # fmt: skip
    if write:
        looking.write(found, config_file())
    show({**found.as_data(), "written": write}, lambda: _inspected(found), as_json)
    if not as_json:
        # Not by `show`, which breaks long lines: this is to be pasted.
        where = "Added to rapport.yml" if write else "For rapport.yml"
        typer.echo(f"\n{where}, below sources: files: datasets:\n\n{found.yaml}")
        if found.surveys:
            typer.echo(f"And below surveys: files:\n\n{found.surveys}")


def check(
    dataset: Annotated[str | None, typer.Argument(help="A dataset; without it, all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read datasets as a run does and land nothing: rows, rejected rows, unknown words, columns.

    The exit code is 1 if a row would be rejected or a file cannot be read.
    """
    from rapport.connectors.files.inspection.dry_run import dry_run

    found = [dry_run(stream, _progress(stream.name)) for stream in _streams(dataset)]
    show([one.as_data() for one in found], lambda: _checked(found), as_json)
    if not all(one.is_good for one in found):
        raise typer.Exit(1)


def _streams(dataset: str | None) -> list[Any]:
    from rapport.connectors import open_source
    from rapport.errors import ConfigError
    from rapport.settings import load_settings

    settings = load_settings()
    if "files" not in settings.sources:
        raise ConfigError("rapport.yml has no source files.")
    streams = list(open_source("files", settings).streams())
    if dataset is None:
        return [stream for stream in streams if stream.enabled]
    wanted = [stream for stream in streams if stream.name == dataset]
    if not wanted:
        names = ", ".join(stream.name for stream in streams) or "none"
        raise ConfigError(f"there is no dataset of files {dataset}. There are: {names}.")
    return wanted


def _progress(name: str) -> Any:
    """Says on stderr how far it is, every two seconds."""
    said = time.monotonic()

    def progress(rows: int) -> None:
        nonlocal said
        if time.monotonic() - said >= QUIET_SECONDS:
            said = time.monotonic()
            sys.stderr.write(f"files {name}: {rows:,} rows read\n")

    return progress


def _inspected(found: Any) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    data = found.as_data()
    options = {key: value for key, value in data["options"].items() if key != "header"}
    head = Table(box=None, show_header=False)
    for label, value in (
        ("file", data["file"] + (f", the newest of {data['files']}" if data["files"] > 1 else "")),
        ("format", ", ".join(f"{key} {value}" for key, value in options.items())),
        ("encoding", data["encoding"]),
        ("sheets", ", ".join(data["sheets"])),
        ("known as", data["export"]),
        ("rows in the sample", f"{data['rows']:,}, {data['readable']:,} would land"),
        *(("unreadable", f"{count:,}: {why}") for why, count in data["unreadable_rows"].items()),
    ):
        if value:
            head.add_row(label, Text(str(value)))
    table = Table()
    for heading in ("column", "filled", "kind", "formats", "written like", "words"):
        table.add_column(heading)
    for column in data["columns"]:
        cells = (
            column["column"], f"{column['filled']:.0%}", column["kind"],
            "\n".join(column["formats"]), "\n".join(column["examples"]),
            ", ".join(column["words"]),
        )  # fmt: skip
        table.add_row(*map(Text, cells))
    return Group(head, table)


def _checked(found: Any) -> Any:
    from rich.console import Group

    return Group(*(part for one in found for part in _checked_one(one)))


def _checked_one(found: Any) -> list[Any]:
    from rich.table import Table
    from rich.text import Text

    counts = Table(title=found.dataset, title_justify="left")
    for heading in ("read", "would land", "objects", "rejected", "excluded", "without a person"):
        counts.add_column(heading, justify="right")
    numbers = (
        found.read, found.landing, found.objects, found.rejected, found.excluded, found.nobody,
    )  # fmt: skip
    counts.add_row(*(f"{number:,}" for number in numbers))
    parts: list[Any] = [counts, Text(f"{found.said}.")]
    if found.problem:
        parts.append(Text(found.problem, style="red"))
    for reason, one in found.rejections.items():
        parts.append(Text(f"{one.count:,} rejected: {reason}", style="red"))
        parts += [
            Text(
                f"    {example['file']} line {example['line']}"
                + (f", written like {example['written']}" if example["written"] else "")
            )
            for example in one.examples
        ]
    for name, words in found.unknown_words.items():
        said = ", ".join(f"{word} ({count:,})" for word, count in words.most_common(20))
        parts.append(Text(f"{name}: unknown words, say by `values` what they mean: {said}"))
    for name, reasons in found.odd.items():
        parts += [Text(f"{name}: {count:,} times {why}") for why, count in reasons.items()]
    columns = Table("column", "filled", "written like", box=None)
    for name, held in found.columns.items():
        kept = max(found.objects, 1)
        columns.add_row(Text(name), f"{held.filled / kept:.0%}", Text(held.example or ""))
    return [*parts, columns, Text("")]

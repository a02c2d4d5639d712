"""The commands of `rapport sandbox`: the invented company and the doubles of its vendors."""

import csv
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from rapport.command_output import AsJson, show
from rapport.errors import ConfigError, RapportError

NOTICE = "This company is invented: its people, addresses, numbers and complaints are made up."
People = Annotated[
    int | None, typer.Option(min=1, help="Number of people; by default from rapport.yml.")
]
Seed = Annotated[
    int | None, typer.Option(help="Seed that defines the company; by default from rapport.yml.")
]
Start = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Date of the first night.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=f"Doubles of the vendors, to try Rapport without accounts. {NOTICE}")
    for command in (start, stop, status, next_night, truth, reset, fault, serve):
        group.command()(command)
    app.add_typer(group, name="sandbox", no_args_is_help=True)


def start(
    people: People = None, seed: Seed = None, start: Start = None, as_json: AsJson = False
) -> None:
    """Generate the company if it does not exist, and start the server if it is not running."""
    from rapport_sandbox import lifecycle

    _generate(people, seed, start)
    url = lifecycle.ensure_running()
    _show_status({"url": url}, as_json)


def stop(as_json: AsJson = False) -> None:
    """Stop the server. The company is kept."""
    from rapport_sandbox import lifecycle

    stopped = lifecycle.stop()
    text = "The sandbox is stopped." if stopped else "The sandbox was not running."
    show({"stopped": stopped}, lambda: text, as_json)


def status(as_json: AsJson = False) -> None:
    """Show the company, its current time, and the URL of its server."""
    from rapport_sandbox import lifecycle
    from rapport_sandbox.lifecycle import base_url

    details = lifecycle.running()
    _show_status({"url": base_url(details) if details else None}, as_json)


def next_night(as_json: AsJson = False) -> None:
    """Move the invented company on by one day."""
    import os

    from rapport_sandbox import company, lifecycle
    from rapport_sandbox.clock import seconds_iso
    from rapport_sandbox.lifecycle import call

    if elsewhere := os.environ.get("RAPPORT_SANDBOX_URL"):
        answer = call(f"{elsewhere.rstrip('/')}/_sandbox/next-night", "POST")
        data = {key: answer[key] for key in ("as_of", "night", "changes")}
    else:
        changes = company.next_night(lifecycle.sandbox_root())
        loaded = company.Company.load(lifecycle.sandbox_root())
        data = {"as_of": seconds_iso(loaded.as_of), "night": loaded.night, "changes": changes}
    show(data, lambda: _table(f"Day {data['night']}, {data['as_of']}", data["changes"]), as_json)


def truth(as_json: AsJson = False) -> None:
    """Print which profiles belong to which person, as CSV: profile_id, person, note."""
    from rapport_sandbox import company, lifecycle

    rows = company.truth(lifecycle.sandbox_root())
    if as_json:
        keys = ("profile_id", "person", "note")
        data = [dict(zip(keys, row, strict=True)) for row in rows]
        show(data, lambda: "", as_json=True)
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["profile_id", "person", "note"])
    writer.writerows(rows)


def reset(as_json: AsJson = False) -> None:
    """Stop the server and delete the company and its files. `start` generates a new one."""
    from rapport_sandbox.lifecycle import reset as delete

    delete()
    show({"reset": True}, lambda: "The invented company is deleted.", as_json)


def fault(
    vendor: Annotated[str, typer.Argument(help="A vendor, or * for all.")] = "*",
    kind: Annotated[str, typer.Argument(help="The kind of fault, for example 429 or html.")] = "",
    route: Annotated[str, typer.Option(help="A glob over the path below the vendor.")] = "*",
    times: Annotated[int | None, typer.Option(help="How many calls fail; 1 by default.")] = None,
    after: Annotated[int, typer.Option(help="How many calls succeed first.")] = 0,
    share: Annotated[float | None, typer.Option(help="The share of calls that fail.")] = None,
    seed: Annotated[int, typer.Option(help="The random seed for --share.")] = 0,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all planned faults.")] = False,
    as_json: AsJson = False,
) -> None:
    """Plan a fault of a vendor's double. Without a kind, list the planned faults."""
    from rapport_sandbox import lifecycle
    from rapport_sandbox.faults import KINDS
    from rapport_sandbox.lifecycle import call

    url = f"{lifecycle.ensure_running()}/_sandbox/faults"
    if clear:
        data = call(url, "DELETE")
    elif kind:
        if kind not in KINDS:
            raise ConfigError(
                f"sandbox: there is no fault {kind!r}. Use one of {', '.join(sorted(KINDS))}."
            )
        plan = {"vendor": vendor, "kind": kind, "route": route, "times": times, "after": after}
        shared = {} if share is None else {"share": share, "seed": seed}
        data = call(url, "POST", plan | shared)
    else:
        data = call(url)
    lines = [f"{f['vendor']} {f.get('route', '*')} {f['kind']}" for f in data["faults"]]
    show(data, lambda: "\n".join(lines) or "No faults are planned.", as_json)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 chooses a free port.")] = 8090,
    as_json: AsJson = False,
) -> None:
    """Run the server in the foreground, as in a container."""
    import secrets

    from rapport_sandbox import lifecycle
    from rapport_sandbox.server import serve as run

    _generate(None, None, None)
    show({"host": host, "port": port}, lambda: f"http://{host}:{port}\n{NOTICE}", as_json)
    run(lifecycle.sandbox_root(), secrets.token_hex(16), host, port)


def _generate(people: int | None, seed: int | None, start: datetime | None) -> None:
    """Generate the company if it does not exist, with a progress bar on stderr."""
    from rich.console import Console
    from rich.progress import Progress

    from rapport_sandbox import lifecycle

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Inventing people", total=None)
        lifecycle.ensure_company(
            people=people,
            seed=seed,
            start=start.date() if start else None,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _show_status(data: dict[str, Any], as_json: bool) -> None:
    from rapport_sandbox import company, lifecycle
    from rapport_sandbox.clock import seconds_iso

    data = {"invented": True, "running": data["url"] is not None, **data}
    try:
        loaded = company.Company.load(lifecycle.sandbox_root())
        data |= {"people": loaded.people, "seed": loaded.seed, "start": loaded.start,
                 "night": loaded.night, "as_of": seconds_iso(loaded.as_of)}  # fmt: skip
    except RapportError:
        data |= {"people": 0}
    show(data, lambda: _table(f"The sandbox\n{NOTICE}", data), as_json)


def _table(title: str, values: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=title, show_header=False)
    for key, value in values.items():
        table.add_row(key, str(value))
    return table

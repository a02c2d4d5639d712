"""`rapport docs`: what every table and column means, and the pages of the connectors."""

import functools
import http.server
from typing import Annotated, Literal

import typer

HERE = "127.0.0.1"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="docs")(docs)


def docs(
    what: Annotated[
        Literal["tables", "connectors"],
        typer.Argument(help="`connectors` brings what is generated from their facts up to date."),
    ] = "tables",
    port: int = typer.Option(0, "--serve", help="Serve it on this port of 127.0.0.1."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write dbt's documentation as one page, or with `connectors` what lists the connectors."""
    from rapport.command_output import show
    from rapport.runs import clock, latest
    from rapport.settings import load_settings
    from rapport.transform import docs as documentation

    if what == "connectors":
        from rapport.scaffold import reference

        written = reference.write()
        show({"written": written}, lambda: "\n".join(written) or "Nothing changed.", as_json)
        return
    settings = load_settings()
    night = latest()
    page = documentation.build(settings, night.as_of if night else clock(settings))
    show({"page": str(page)}, lambda: str(page), as_json)
    if port:
        handler = functools.partial(_Page, directory=str(page.parent))
        with http.server.ThreadingHTTPServer((HERE, port), handler) as server:
            typer.echo(f"http://{HERE}:{port}/ until Ctrl+C")
            server.serve_forever()


class _Page(http.server.SimpleHTTPRequestHandler):
    """The one page, whatever is asked for: the folder holds more than is for readers."""

    def translate_path(self, path: str) -> str:
        """The page."""
        return f"{self.directory}/static_index.html"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

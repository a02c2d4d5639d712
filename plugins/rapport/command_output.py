"""What a command prints: a table for a person, JSON for a program.

>>> show({"answer": 42}, render=lambda: "forty-two", as_json=True)
{"answer":42}
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console, RenderableType

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def show(data: Any, render: Callable[[], RenderableType], as_json: bool) -> None:
    """Print `data` as one line of JSON, or what `render` makes of it."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(data).decode() + "\n")
    else:
        Console().print(render())

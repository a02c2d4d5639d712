"""What people and programs rely on only grows: commands, routes, published columns, settings.

`surface.json` was written from release 0.1. Something that has to go needs a line in CHANGELOG.md
and is taken out of that file by hand; something new needs nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from fastapi.routing import APIRoute
from pydantic import BaseModel

from rapport.activation_options import ActivationOptions
from rapport.cli import application as command_line
from rapport.pages.app import application as pages
from rapport.runs.summary import Summary
from rapport.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
KNOWN = json.loads(Path(__file__).with_name("surface.json").read_text(encoding="utf-8"))


def commands() -> dict[str, list[str]]:
    """Options and arguments by command."""

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
        for name, inner in getattr(command, "commands", {}).items():
            if getattr(inner, "commands", None):
                yield from walk(inner, (*path, name))
            else:
                yield " ".join((*path, name)), sorted(_words(inner.params))

    return dict(walk(typer.main.get_command(command_line), ()))


def _words(parameters: Iterable[Any]) -> Iterator[str]:
    for parameter in parameters:
        if parameter.param_type_name == "option":
            yield from parameter.opts
        else:
            yield str(parameter.name).upper()


def routes() -> dict[str, list[str]]:
    """Methods by path of the pages and of their API."""
    found: dict[str, list[str]] = {}
    for route in pages().routes:
        if isinstance(route, APIRoute):
            found.setdefault(route.path, []).extend(route.methods)
    return {path: sorted(methods) for path, methods in found.items()}


def published() -> dict[str, list[str]]:
    """Columns with their types by published table."""
    found = {}
    for path in (ROOT / "dbt_project" / "models").rglob("*.yml"):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or []:
            schema = model.get("config", {}).get("meta", {}).get("publish")
            if schema:
                columns = [f"{c['name']} {c.get('data_type')}" for c in model.get("columns", [])]
                found[f"{schema}.{model['name']}"] = sorted(columns)
    return found


def documents() -> dict[str, list[str]]:
    """Dotted paths of the fields in rapport.yml and in summary.json."""
    models = {"rapport.yml": Settings, "activation": ActivationOptions, "summary.json": Summary}
    return {name: sorted(_fields(model)) for name, model in models.items()}


def _fields(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield name
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f"{name}.{inner}" for inner in _fields(kind))


SURFACES: dict[str, Callable[[], dict[str, list[str]]]] = {
    "commands": commands,
    "routes": routes,
    "published": published,
    "documents": documents,
}


@pytest.mark.parametrize("name", sorted(SURFACES))
def test_nothing_that_somebody_relies_on_is_gone(name: str) -> None:
    now = SURFACES[name]()
    gone = {
        thing: missing
        for thing, words in KNOWN[name].items()
        if (missing := sorted(set(words) - set(now.get(thing, ())))) or thing not in now
    }
    assert not gone, f"{name}: gone since release 0.1: {gone}"


def test_the_list_covers_the_whole_surface() -> None:
    assert len(KNOWN["commands"]) >= 50 and len(KNOWN["published"]) >= 50
    assert sum(map(len, KNOWN["published"].values())) >= 500

"""The destinations: each module of this folder with a `Destination` in it is one.

>>> "files" in discover()
True
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, cast, get_args

from rapport.connections import get_connection
from rapport.destinations.base import Destination, MessagesOn
from rapport.errors import ConfigError
from rapport.settings import load_settings


@cache
def discover() -> dict[str, type[Destination]]:
    """Every destination by name."""
    found: dict[str, type[Destination]] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            is_own = item.__module__ == module.__name__ and item is not Destination
            if is_own and issubclass(item, Destination):
                found[item.name] = item
    return dict(sorted(found.items()))


def open_destination(name: str, options: Mapping[str, Any] | None = None) -> Destination:
    """The destination of that name, logged in; raises `ConfigError` for an unknown one.

    Option `kind` says what it is where its name is one of the company's own, which is then the
    connection's too: `files_meta: {kind: files, hash: meta}`.
    """
    options = dict(options or {})
    kind = kind_of(name, options)
    options.pop("kind", None)
    made = kind(options, get_connection(name) if kind.needs_connection else None)
    made.name = name
    return made


def kind_of(name: str, options: Mapping[str, Any] | None = None) -> type[Destination]:
    """What the destination of that name is, by rapport.yml where no options are given.

    Raises `ConfigError` for an unknown one.
    """
    known = discover()
    options = load_settings().destination_options(name) if options is None else options
    kind = known.get(str(options.get("kind", name)))
    if kind is None:
        raise ConfigError(f'no destination "{name}". There are: {", ".join(known)}.')
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f"destinations.{name}: write small letters, digits and _ only.")
    return kind


def messages_on(name: str) -> MessagesOn:
    """What makes a message at the destination of that name, by rapport.yml or by what it is.

    A name that nobody knows any more is taken for a tool that sends to who enters.
    """
    options = load_settings().destination_options(name)
    kind = discover().get(str(options.get("kind", name)), Destination)
    said = options.get("messages_on", kind.messages_on)
    if said not in get_args(MessagesOn):
        raise ConfigError(
            f"destinations.{name}.messages_on: write {', '.join(get_args(MessagesOn))}."
        )
    return cast(MessagesOn, said)


def names() -> list[str]:
    """Every destination, and those that rapport.yml gives a name of their own."""
    return sorted({*discover(), *load_settings().destinations})

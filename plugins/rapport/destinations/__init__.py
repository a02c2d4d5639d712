"""The destinations: each module of this folder with a `Destination` in it is one.

>>> "files" in discover()
True
"""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any

from rapport.connections import get_connection
from rapport.destinations.base import Destination
from rapport.errors import ConfigError


@cache
def discover() -> dict[str, type[Destination]]:
    """Every destination by name."""
    found: dict[str, type[Destination]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            is_own = item.__module__ == module.__name__ and item is not Destination
            if is_own and issubclass(item, Destination):
                found[item.name] = item
    return dict(sorted(found.items()))


def open_destination(name: str, options: Mapping[str, Any] | None = None) -> Destination:
    """The destination of that name, logged in; raises `ConfigError` for an unknown one."""
    known = discover()
    if name not in known:
        raise ConfigError(f'no destination "{name}". There are: {", ".join(known)}.')
    kind = known[name]
    return kind(options, get_connection(name) if kind.needs_connection else None)

"""The sources: each module of this folder with a `Source` in it is one, found by being here.

>>> "zendesk" in discover()  # doctest: +SKIP
True
"""

import importlib
import inspect
import pkgutil
from functools import cache

from rapport.errors import ConfigError
from rapport.sources.base import Source


@cache
def discover() -> dict[str, type[Source]]:
    """Every source by name."""
    found: dict[str, type[Source]] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name == "base":
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        for _, item in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(item, Source)
                and item is not Source
                and item.__module__.startswith(module.__name__)
            ):
                found[item.name] = item
    return dict(sorted(found.items()))


def get(name: str, options: dict[str, object] | None = None) -> Source:
    """The source of that name with its options; raises `ConfigError` for an unknown one."""
    known = discover()
    if name not in known:
        raise ConfigError(f'no source "{name}". There are: {", ".join(known)}.')
    return known[name](options)

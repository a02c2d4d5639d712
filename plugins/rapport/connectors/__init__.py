"""The connectors: one folder a vendor, discovered automatically.

`__init__.py` of a folder states the facts of the vendor once, `source.py` holds its `Source`,
`destination.py` its `Destination`. A vendor with a second way to send has it in a module of its
own, such as `mail_destination.py`.

>>> all_sources()["files"].__name__, all_destinations()["files"].vendor.title
('Files', 'Files')
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeVar, cast, get_args

from rapport.errors import ConfigError
from rapport.settings import Settings, load_settings
from rapport.vendors.connections import get_connection
from rapport.vendors.destination import Destination, MessagesOn
from rapport.vendors.source import Source

# The staging models that read the mapped datasets of every source.
MAPPED = "files"
Connector = TypeVar("Connector", Source, Destination)


@cache
def all_sources() -> dict[str, type[Source]]:
    """Every source by name."""
    return _discovered("source", Source)


@cache
def all_destinations() -> dict[str, type[Destination]]:
    """Every destination by name."""
    return _discovered("destination", Destination)


def open_source(name: str, settings: Settings) -> Source:
    """The source of that name with its options and the company's settings."""
    source = all_sources()[name](settings.source_options(name))
    source.project = settings
    return source


def mapped_datasets(settings: Settings) -> dict[str, Any]:
    """What sources map by columns, by name; raises `ConfigError` for a name used twice."""
    found: dict[str, Any] = {}
    owner: dict[str, str] = {}
    for source in settings.sources:
        for name, dataset in open_source(source, settings).mapped_datasets().items():
            if name in found:
                raise ConfigError(
                    f"rapport.yml: {name}: the name of a dataset of {owner[name]} and of one of "
                    f"{source}. Rename one."
                )
            found[name], owner[name] = dataset, source
    return found


def open_destination(name: str, options: Mapping[str, Any] | None = None) -> Destination:
    """The destination of that name, logged in; raises `ConfigError` for an unknown one.

    Option `kind` says what it is where its name is one of the company's own, which is then the
    connection's too: `files_meta: {kind: files, hash: meta}`.
    """
    options = dict(options or {})
    kind = kind_of(name, options)
    options.pop("kind", None)
    connection = get_connection(name) if kind.needs_connection else None
    return kind(options, connection, name=name)


def kind_of(name: str, options: Mapping[str, Any] | None = None) -> type[Destination]:
    """The class of the destination of that name, by rapport.yml where no options are given.

    Raises `ConfigError` for an unknown one.
    """
    known = all_destinations()
    options = load_settings().destination_options(name) if options is None else options
    kind = known.get(str(options.get("kind", name)))
    if kind is None:
        raise ConfigError(f'no destination "{name}". There are: {", ".join(known)}.')
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f"destinations.{name}: write small letters, digits and _ only.")
    return kind


def messages_on(name: str) -> MessagesOn:
    """What makes a message at the destination of that name, by rapport.yml or by its class.

    A name that no connector has counts as a destination that sends to whoever enters a list.
    """
    options = load_settings().destination_options(name)
    kind = all_destinations().get(str(options.get("kind", name)), Destination)
    said = options.get("messages_on", kind.messages_on)
    if said not in get_args(MessagesOn):
        raise ConfigError(
            f"destinations.{name}.messages_on: write {', '.join(get_args(MessagesOn))}."
        )
    return cast(MessagesOn, said)


def destination_names() -> list[str]:
    """Every destination, and those that rapport.yml gives a name of their own."""
    return sorted({*all_destinations(), *load_settings().destinations})


def _discovered(role: str, base: type[Connector]) -> dict[str, type[Connector]]:
    found: dict[str, type[Connector]] = {}
    for module in _modules(role):
        for _, item in inspect.getmembers(module, inspect.isclass):
            if issubclass(item, base) and item.__module__ == module.__name__:
                found[item.name] = item
    return dict(sorted(found.items()))


def _modules(role: str) -> Iterator[Any]:
    for room in pkgutil.iter_modules(__path__, f"{__name__}."):
        package = importlib.import_module(room.name)
        for info in pkgutil.iter_modules(package.__path__, f"{room.name}."):
            if re.fullmatch(rf"(\w+_)?{role}", info.name.rpartition(".")[2]):
                yield importlib.import_module(info.name)

"""Custom fields: a company's own fields, declared in rapport.yml, in `dim_customers.custom_fields`.

    sources:
      postbox:
        custom_fields:
          contacts: {loyalty_tier: properties.loyalty_tier}

The example maps a name in the marts to a dotted path in the stream's records. The records must be
people. If several profiles of a customer have a value, the source that is declared first wins, then
the version that landed last.

>>> _checked("postbox", {"contacts": {"tier": "properties.tier"}}, {"contacts"})
[{'source': 'postbox', 'stream': 'contacts', 'name': 'tier', 'path': ['properties', 'tier']}]
"""

import re
from typing import Any

from rapport.connectors import open_source
from rapport.errors import ConfigError
from rapport.settings import Settings

NAME = re.compile("[a-z][a-z0-9_]{0,50}")
PATH = re.compile(r"[\w $-]+([.][\w $-]+)*")


def fields_for_dbt(settings: Settings) -> list[dict[str, Any]]:
    """The dbt variable `custom_fields`, in the order of rapport.yml; raises `ConfigError`."""
    found: list[dict[str, Any]] = []
    for name, options in settings.sources.items():
        if fields := options.get("custom_fields"):
            source = open_source(name, settings)
            found += _checked(name, fields, {stream.name for stream in source.streams()})
    return found


def _checked(source: str, fields: Any, streams: set[str]) -> list[dict[str, Any]]:
    where = f"rapport.yml: sources.{source}.custom_fields"
    if not isinstance(fields, dict) or not all(isinstance(f, dict) for f in fields.values()):
        raise ConfigError(
            f"{where}: the value must have the form `stream: {{name: path in the record}}`."
        )
    if unknown := sorted(set(fields) - streams):
        known = ", ".join(sorted(streams))
        raise ConfigError(
            f"{where}: {source} has no stream {', '.join(unknown)}. Its streams are: {known}."
        )
    found = []
    for stream, paths in fields.items():
        for name, path in paths.items():
            if not NAME.fullmatch(str(name)) or not PATH.fullmatch(str(path)):
                raise ConfigError(
                    f"{where}.{stream}.{name}: the name must be in snake case, and the path must "
                    "be words with dots between them."
                )
            found.append(
                {"source": source, "stream": stream, "name": name, "path": path.split(".")}
            )
    return found

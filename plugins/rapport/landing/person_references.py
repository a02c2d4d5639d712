"""Where the records of a stream name a person, as each source declares it.

>>> reference = Reference("authors[].email", "email")
>>> list(reference.values({"authors": [{"email": "Ann@Example.com"}]}))
['ann@example.com']
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from rapport.connectors import all_sources, open_source
from rapport.settings import Settings, load_settings
from rapport.vendors.source import Source


@dataclass(frozen=True, slots=True)
class Reference:
    """A path in a payload, the namespace of the id there, and the path that has precedence."""

    path: str
    namespace: str
    unless: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.namespace}"

    def values(self, record: Any) -> Iterator[str]:
        """The ids that a decoded record has at the path."""
        if self.unless is not None and any(_walk(record, self.unless.split("."))):
            return
        for found in _walk(record, self.path.split(".")):
            yield from (part.strip() for part in found.lower().split(";") if part.strip())

    @property
    def buried(self) -> sql.Composable:
        """SQL for whether a payload has an id at the path that has a tombstone."""
        return sql.SQL(
            "exists (select from jsonb_path_query(payload, {}) as found (value),"
            r" regexp_split_to_table(lower(found.value #>> '{{}}'), '\s*;\s*') as part (text)"
            " where {})"
        ).format(
            sql.Literal(_jsonpath(self.path)),
            is_buried(sql.Literal(self.namespace), sql.SQL("trim(part.text)")),
        )

    @property
    def condition(self) -> sql.Composable:
        """SQL for whether a payload has one of `%(values)s` at the path."""
        found = sql.SQL(
            "exists (select from jsonb_path_query(payload, {}) as found (value),"
            " regexp_split_to_table(lower(found.value #>> '{{}}'), '\\s*;\\s*') as part (text)"
            " where trim(part.text) = any(%(values)s))"
        ).format(sql.Literal(_jsonpath(self.path)))
        if self.unless is None:
            return found
        return sql.SQL("({} and payload #>> {} is null)").format(
            found, sql.Literal("{" + self.unless.replace(".", ",") + "}")
        )


def is_buried(namespace: sql.Composable, value: sql.Composable) -> sql.Composed:
    """SQL for whether an id has a tombstone, hashed as `tombstones.fingerprint` does."""
    return sql.SQL(
        "sha256((select salt from privacy.salt) || convert_to({}, 'UTF8') || '\\x00'::bytea"
        " || convert_to(lower({}), 'UTF8')) in (select hash from privacy.tombstones)"
    ).format(namespace, value)


def references(source: str, stream: str, settings: Settings | None = None) -> tuple[Reference, ...]:
    """The references of a stream; none for one that names nobody."""
    if source not in all_sources():
        return ()
    declared = _opened(source, settings or load_settings()).people().get(stream, {})
    return tuple(reference for path, text in declared.items() for reference in _parsed(path, text))


def key_prefix(namespace: str) -> str:
    """What the keys of a stream's records have before the id that their profiles have."""
    source, _, stream = namespace.partition(":")
    found = all_sources().get(source)
    return found.vendor.key_prefixes.get(stream, "") if found else ""


def streams(settings: Settings | None = None) -> list[tuple[str, str]]:
    """Every stream of every source that there is, enabled or not."""
    settings = settings or load_settings()
    return [
        (name, stream.name)
        for name in all_sources()
        for stream in _opened(name, settings).streams()
    ]


def record_namespace(source: str, stream: str) -> str:
    """The namespace of a stream's record keys."""
    found = all_sources().get(source)
    return found.record_namespace(stream) if found else f"{source}:{stream}"


def _opened(source: str, settings: Settings) -> Source:
    return open_source(source, settings)


def _parsed(path: str, text: str) -> list[Reference]:
    namespaces, _, unless = text.partition(" unless ")
    return [Reference(path, name.strip(), unless or None) for name in namespaces.split(",")]


def _walk(value: Any, steps: list[str]) -> Iterator[str]:
    if not steps:
        if value is not None and not isinstance(value, dict | list | bool):
            yield str(value)
        return
    if not isinstance(value, dict):
        return
    name = steps[0]
    if name.endswith("[]"):
        inner = value.get(name[:-2])
        for item in inner if isinstance(inner, list) else ():
            yield from _walk(item, steps[1:])
    else:
        yield from _walk(value.get(name), steps[1:])


def _jsonpath(path: str) -> str:
    def step(name: str) -> str:
        is_list = name.endswith("[]")
        quoted = name.removesuffix("[]").replace("\\", "\\\\").replace('"', '\\"')
        return f'."{quoted}"' + ("[*]" if is_list else "")

    return "$" + "".join(step(name) for name in path.split("."))

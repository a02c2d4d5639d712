"""A YAML file that knows the line of each key, and explains what is wrong with its values.

It reads the nodes of PyYAML's parser in C: that takes 2 ms for a file of 120 lines, ruamel.yaml 60.

>>> root = yaml.compose("company:\\n  name: Example", Loader=Loader)
>>> Document(Path("rapport.yml"), root).at(("company", "name"), "too short.")
'rapport.yml:2: company.name: too short.'
"""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rapport.errors import ConfigError

# The same safe subset of YAML, read in C where the wheel has it.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST_DOCUMENT = 100_000


class Document:
    """A parsed YAML file that knows the line of each key."""

    def __init__(self, path: Path, root: yaml.Node | None) -> None:
        self.path = path
        self.root = root

    def at(self, key: tuple[str | int, ...], message: str) -> str:
        """The message with its place in front."""
        name = ".".join(str(part) for part in key)
        return f"{self.path}:{self.line(key)}: {name + ': ' if name else ''}{message}"

    def line(self, key: tuple[str | int, ...]) -> int:
        """The line of the key, or of the nearest one above it that stands in the file."""
        node, line = self.root, 1
        for part in key:
            if isinstance(node, yaml.MappingNode):
                pair = next((p for p in reversed(node.value) if p[0].value == str(part)), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line + 1, pair[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                node = node.value[part]
                line = node.start_mark.line + 1
            else:
                break
        return line

    def repeated(self) -> Iterator[str]:
        """A complaint for each key that a mapping has twice; YAML itself would take the last."""
        todo: list[tuple[tuple[str | int, ...], yaml.Node | None]] = [((), self.root)]
        looked_at: set[int] = set()
        while todo:
            path, node = todo.pop()
            # An alias is the same node again, and may stand inside of what it means.
            if node is None or id(node) in looked_at:
                continue
            looked_at.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                todo += [((*path, place), item) for place, item in enumerate(node.value)]
            if not isinstance(node, yaml.MappingNode):
                continue
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if key.value in seen:
                    where = ".".join(str(part) for part in (*path, key.value))
                    yield (
                        f"{self.path}:{line}: {where}: stands here for the second time, "
                        f"first in line {seen[key.value]}. Keep one."
                    )
                seen[key.value] = line
                todo.append(((*path, key.value), value))

    def scalars(self, tag: str = "") -> Iterator[tuple[int, str]]:
        """Each key and value as YAML reads it, of a kind if a `tag` ends so, with its line."""
        todo = [self.root] if self.root else []
        seen: set[int] = set()
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            todo += _children(node)
            if isinstance(node, yaml.ScalarNode) and node.tag.endswith(tag):
                yield node.start_mark.line + 1, node.value

    def impossible(self) -> Iterator[str]:
        """A complaint for each value that looks like a date and is none; reading it would raise."""
        for line, value in self.scalars(":timestamp"):
            try:
                yaml.safe_load(value)
            except ValueError:
                yield f"{self.path}:{line}: {value} is not a date. Write one as 2028-12-31."

    def refuse_expansion(self) -> None:
        """Raise `ConfigError` for aliases that contain themselves or multiply without end."""
        sizes: dict[int, int] = {}
        open_nodes: set[int] = set()
        todo: list[tuple[yaml.Node, bool]] = [(self.root, False)] if self.root else []
        while todo:
            node, is_done = todo.pop()
            inner = [*_children(node)]
            if is_done:
                open_nodes.discard(id(node))
                sizes[id(node)] = 1 + sum(sizes.get(id(child), 0) for child in inner)
            elif id(node) in open_nodes or id(node) in sizes:
                continue
            else:
                open_nodes.add(id(node))
                todo.append((node, True))
                if any(id(child) in open_nodes for child in inner):
                    raise ConfigError(
                        f"{self.path}:{node.start_mark.line + 1}: an alias stands inside of what "
                        "it means. Write the values out."
                    )
                todo += [(child, False) for child in inner]
        if self.root and sizes[id(self.root)] > LARGEST_DOCUMENT:
            raise ConfigError(
                f"{self.path}:1: more than {LARGEST_DOCUMENT:,} values once its aliases are put "
                "in. Write the values out."
            )

    def explain(
        self, error: ValidationError, model: type[BaseModel], prefix: tuple[str | int, ...] = ()
    ) -> str:
        """One line for each complaint."""
        return "\n".join(
            self.at((*prefix, *_without_markers(detail["loc"])), _advice(detail, model))
            for detail in error.errors(include_url=False)
        )


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _without_markers(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in location if part != "[key]")


def _advice(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        fields = _fields(model, detail["loc"][:-1])
        close = closest(str(detail["loc"][-1]), fields)
        there_are = f" There are: {', '.join(fields)}." if fields else ""
        return f"unknown key{close}.{there_are} Correct the name or take it out."
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{message}, but it is {_shape(detail['input'])}. Correct the value."


def _fields(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """The keys that the model has at that place; none where the way there is not by models."""
    for part in location:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _shape(value: Any) -> str:
    """The value where it is short and plain, else its type: a file may hold a misplaced secret."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return f'the text "{value}"' if len(value) <= 20 else "a text"
    return {"dict": "a mapping", "list": "a list"}.get(type(value).__name__, type(value).__name__)


def closest(word: str, words: "tuple[str, ...] | list[str]") -> str:
    """`, did you mean "…"` where one of the words is close; else nothing."""
    found = difflib.get_close_matches(word, words, n=1)
    return f', did you mean "{found[0]}"' if found else ""

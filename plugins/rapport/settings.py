"""What `rapport.yml` says, checked; every complaint names file, line, key and what to do.

>>> load_settings().company.default_region  # doctest: +SKIP
'DE'
"""

import difflib
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator
from pydantic_core import ErrorDetails

from rapport.errors import ConfigError
from rapport.paths import config_file

# The same safe subset of YAML, read in C where the wheel has it.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LARGEST_DOCUMENT = 100_000

Options = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class Block(BaseModel):
    """A block of the file: no unknown key, no change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(Block):
    """Whose customers these are; `default_region` reads phone numbers without a country code."""

    name: str = "Example"
    default_region: str = Field(default="DE", pattern="^[A-Z]{2}$")
    timezone: str = "Europe/Berlin"
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone {value!r}, write one like Europe/Berlin") from None
        return value


class Sandbox(Block):
    """How large the made-up company is and which one."""

    people: int = Field(default=2000, ge=1)
    seed: int = 7


class Schedule(Block):
    """When the night begins (cron, UTC) and when it goes on without late sources."""

    nightly: str = "0 3 * * *"
    cutoff_minutes: int = Field(default=120, ge=1)

    @field_validator("nightly")
    @classmethod
    def _five_fields(cls, value: str) -> str:
        if len(value.split()) != 5:
            raise ValueError('not a cron line of five fields, write one like "0 3 * * *"')
        return value


class Settings(Block):
    """The whole file. Blocks of options belong to their area, which checks them by `checked`."""

    company: Company = Company()
    demo: bool = False
    sandbox: Sandbox = Sandbox()
    sources: dict[str, Options] = Field(default_factory=dict)
    destinations: dict[str, Options] = Field(default_factory=dict)
    schedule: Schedule = Schedule()
    surveys: dict[str, dict[str, dict[str, Literal["nps", "csat", "ces"]]]] = Field(
        default_factory=dict
    )
    identity: Options = Field(default_factory=dict)
    activation: Options = Field(default_factory=dict)
    alerts: Options = Field(default_factory=dict)
    privacy: Options = Field(default_factory=dict)
    _document: "Document | None" = PrivateAttr(default=None)

    @field_validator("*", mode="before")
    @classmethod
    def _nothing_is_the_default(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("sources", "destinations", "surveys", mode="before")
    @classmethod
    def _no_options(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: {} if inner is None else inner for key, inner in value.items()}

    def enabled(self, kind: Literal["sources", "destinations"]) -> dict[str, Options]:
        """The options of each source or destination that is not turned off, in file order."""
        return {
            name: _without_enabled(options)
            for name, options in getattr(self, kind).items()
            if options.get("enabled", True)
        }

    def source_options(self, name: str) -> Options:
        """The options of one source; none where it does not stand in the file."""
        return _without_enabled(self.sources.get(name, {}))

    def destination_options(self, name: str) -> Options:
        """The options of one destination; none where it does not stand in the file."""
        return _without_enabled(self.destinations.get(name, {}))

    def checked(self, key: str, model: type[Model]) -> Model:
        """The block at a dotted key as its area's model: `checked("identity", IdentityOptions)`.

        `enabled` of a source or destination is left out. Raises `ConfigError`.
        """
        path = tuple(key.split("."))
        value: Any = self.model_dump()
        for part in path:
            value = value.get(part, {})
        if path[0] in ("sources", "destinations"):
            value = _without_enabled(value)
        try:
            return model.model_validate(value)
        except ValidationError as error:
            document = self._document or Document(config_file(), None)
            raise ConfigError(document.explain(error, model, path)) from None


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


def known(kind: str) -> list[str]:
    """The names of the sources or destinations that exist, without importing any of them.

    `connectors/<vendor>/destination.py` is the destination of that vendor, and
    `connectors/<vendor>/mail_destination.py` the one named `<vendor>_mail`.
    """
    role = kind.removesuffix("s")
    found = []
    for package in _connector_packages():
        for path in Path(package).glob(f"*/*{role}.py"):
            prefix = path.stem.removesuffix(role).rstrip("_")
            found.append(f"{path.parent.name}_{prefix}" if prefix else path.parent.name)
    return sorted(found)


def _connector_packages() -> list[str]:
    package = sys.modules.get("rapport.connectors")
    if package is not None:
        return list(package.__path__)
    return [str(Path(__file__).with_name("connectors"))]


def load_settings(path: Path | None = None) -> Settings:
    """Read and check the file; raises `ConfigError` with a line for each thing that is wrong."""
    path = path or config_file()
    try:
        return _load(path, path.stat().st_mtime_ns, *(tuple(known(kind)) for kind in KINDS))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file. Run in the project's folder, or set RAPPORT_HOME to it."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}. Make it readable UTF-8.") from None


KINDS = ("sources", "destinations")


@lru_cache(maxsize=8)
def _load(path: Path, _mtime: int, *names: tuple[str, ...]) -> Settings:
    document, content = _parse(path)
    complaints = list(document.repeated())
    for kind, there_are in zip(KINDS, names, strict=True):
        complaints += _unknown_names(document, content, kind, there_are)
    settings = None
    try:
        settings = Settings.model_validate(content)
    except ValidationError as error:
        complaints.append(document.explain(error, Settings))
    if settings is None or complaints:
        raise ConfigError("\n".join(complaints))
    settings._document = document
    return settings


def _parse(path: Path) -> tuple[Document, Any]:
    text = path.read_text(encoding="utf-8")
    try:
        document = Document(path, yaml.compose(text, Loader=Loader))
        document.refuse_expansion()
        for complaint in document.impossible():
            raise ConfigError(complaint)
        content = yaml.load(text, Loader=Loader)  # noqa: S506 - a safe loader, in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(
            f"{path}:{line}: not YAML: {error.problem}. Check indentation, quotes and colons."
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}:1: not YAML: {error}. Save the file as plain text.") from None
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ConfigError(f"{path}:1: not a mapping of keys to values. Begin with `company:`.")
    return document, content


def _unknown_names(
    document: Document, content: Mapping[str, Any], kind: str, there_are: tuple[str, ...]
) -> Iterator[str]:
    block = content.get(kind)
    for name, options in block.items() if isinstance(block, dict) else ():
        if _kind_of(str(name), options, kind) not in there_are:
            yield document.at(
                (kind, name),
                f"no such {kind[:-1]}{_closest(str(name), there_are)}. "
                f"There are: {', '.join(there_are) or 'none'}. Correct the name or take it out.",
            )
        elif isinstance(options, dict) and not isinstance(options.get("enabled", True), bool):
            yield document.at((kind, name, "enabled"), "write true or false.")


def _kind_of(name: str, options: Any, kind: str) -> Any:
    """What a destination is, where `kind` gives it a name of its own; else its name."""
    is_named = kind == "destinations" and isinstance(options, dict)
    return options.get("kind", name) if is_named else name


def _without_enabled(options: Options) -> Options:
    return {key: value for key, value in options.items() if key != "enabled"}


def _without_markers(location: tuple[str | int, ...]) -> tuple[str | int, ...]:
    return tuple(part for part in location if part != "[key]")


def _advice(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        fields = _fields(model, detail["loc"][:-1])
        close = _closest(str(detail["loc"][-1]), fields)
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


def _closest(word: str, words: "tuple[str, ...] | list[str]") -> str:
    found = difflib.get_close_matches(word, words, n=1)
    return f', did you mean "{found[0]}"' if found else ""


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

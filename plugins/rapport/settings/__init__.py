"""What `rapport.yml` says, checked; each complaint names file, line, key and what to do.

>>> load_settings().company.default_region  # doctest: +SKIP
'DE'
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rapport.errors import ConfigError
from rapport.paths import config_file
from rapport.settings.document import Document, Loader, closest
from rapport.settings.model import Block, Company, Model, Options, Sandbox, Schedule, Settings
from rapport.settings.names import KINDS, known

__all__ = [
    "Block", "Company", "Document", "Loader", "Model", "Options", "Sandbox", "Schedule", "Settings",
    "known", "load_settings",
]  # fmt: skip


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
                f"no such {kind[:-1]}{closest(str(name), there_are)}. "
                f"There are: {', '.join(there_are) or 'none'}. Correct the name or take it out.",
            )
        elif isinstance(options, dict) and not isinstance(options.get("enabled", True), bool):
            yield document.at((kind, name, "enabled"), "write true or false.")


def _kind_of(name: str, options: Any, kind: str) -> Any:
    """What a destination is, where `kind` gives it a name of its own; else its name."""
    is_named = kind == "destinations" and isinstance(options, dict)
    return options.get("kind", name) if is_named else name

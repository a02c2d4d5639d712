"""`rapport new source` and `rapport new destination`: files that run as they are, to be filled in.

What is written stands in `source.yml` and `destination.yml`: `files` are new, `lines` go into files
that are there, before the first line that begins with `before`.

>>> fill("class $Name(Source):", "post_box")
'class PostBox(Source):'
"""

import re
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

import yaml

from rapport.errors import ConfigError
from rapport.paths import project_root
from rapport.settings import known

Kind = Literal["source", "destination"]


@dataclass(frozen=True)
class Written:
    """The new files, and those that got a line, below the project's folder."""

    files: list[str]
    lines: list[str]
    left: list[str]


def write(kind: Kind, name: str) -> Written:
    """Write everything of a new vendor; raises `ConfigError` where something of it is there."""
    if not re.fullmatch("[a-z][a-z0-9_]{1,30}", name):
        raise ConfigError(f'"{name}" is not snake case of 2 to 31 letters, digits and "_".')
    if name in known(f"{kind}s"):
        raise ConfigError(f'There is a {kind} "{name}" already.')
    wanted: dict[str, Any] = yaml.safe_load(Path(__file__).with_name(f"{kind}.yml").read_text())
    root = project_root()
    contents = {fill(path, name): fill(text, name) for path, text in wanted["files"].items()}
    if there := [path for path in contents if (root / path).exists()]:
        raise ConfigError(f"{', '.join(there)} is there already. Choose another name.")
    for path, text in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    lines: list[str] = []
    left: list[str] = []
    for line in wanted["lines"]:
        text = fill(line["text"], name)
        (lines if _insert(root / line["path"], line["before"], text) else left).append(line["path"])
    return Written(list(contents), lines, left)


def fill(text: str, name: str) -> str:
    """The text with `$name`, `$Name` and `$NAME`."""
    words = name.split("_")
    camel = "".join(word.capitalize() for word in words)
    return Template(text).safe_substitute(name=name, Name=camel, NAME=name.upper())


def _insert(path: Path, before: str, text: str) -> bool:
    """Whether there was a line that begins so."""
    if not path.exists():
        return False
    content = path.read_text(encoding="utf-8")
    place = 0 if content.startswith(before) else content.find(f"\n{before}") + 1
    if place == 0 and not content.startswith(before):
        return False
    path.write_text(content[:place] + text + content[place:], encoding="utf-8")
    return True

"""`rapport new source` and `rapport new destination`: files that run as they are, to be filled in.

They go into the four places that a vendor has and nowhere else. What is written stands in
`source.yml` and `destination.yml`, or is a copy of another vendor's files.

>>> fill("class $Name(Source):", "post_box")
'class PostBox(Source):'
"""

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal

import yaml

from rapport.errors import ConfigError
from rapport.paths import project_root
from rapport.scaffold import likeness
from rapport.settings import known

Kind = Literal["source", "destination"]


@dataclass(frozen=True)
class Written:
    """The new files, below the project's folder."""

    files: list[str]


def write(kind: Kind, name: str, like: str | None = None) -> Written:
    """Write everything of a new vendor; raises `ConfigError` where something of it is there.

    With `like` it is a copy of that vendor's, with the names changed.
    """
    if not re.fullmatch("[a-z][a-z0-9_]{1,30}", name):
        raise ConfigError(f'"{name}" is not snake case of 2 to 31 letters, digits and "_".')
    if name in known(f"{kind}s"):
        raise ConfigError(f'There is a {kind} "{name}" already.')
    root = project_root()
    contents = likeness.files(kind, like, name, root) if like else _templates(kind, name)
    if there := [path for path in contents if (root / path).exists()]:
        raise ConfigError(
            f"{', '.join(there)} is there already. Choose another name, or write {kind}.py into "
            f"the folder of {name} by hand."
        )
    for path, text in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    _tidy([root / path for path in contents if path.endswith(".py")])
    return Written(list(contents))


def fill(text: str, name: str) -> str:
    """The text with `$name`, `$Name` and `$NAME`."""
    words = name.split("_")
    camel = "".join(word.capitalize() for word in words)
    return Template(text).safe_substitute(name=name, Name=camel, NAME=name.upper())


def _templates(kind: Kind, name: str) -> dict[str, str]:
    text = Path(__file__).with_name(f"{kind}.yml").read_text(encoding="utf-8")
    wanted: dict[str, Any] = yaml.safe_load(text)
    return {fill(path, name): fill(text, name) for path, text in wanted["files"].items()}


def _tidy(paths: list[Path]) -> None:
    """A longer name breaks lines elsewhere: format what was written, where ruff is installed."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff:
        for command in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
            subprocess.run([ruff, *command, *paths], cwd=project_root(), check=False)

"""Where the project and its working files are.

>>> var_dir().name
'var'
"""

import os
from pathlib import Path

CONFIG_NAME = "rapport.yml"


def project_root() -> Path:
    """The folder with `rapport.yml`.

    `RAPPORT_HOME` wins; else the nearest folder with the file above the current one; else above
    the package; else the current folder.
    """
    if home := os.environ.get("RAPPORT_HOME"):
        return Path(home).expanduser().resolve()
    here = Path.cwd()
    for start in (here, Path(__file__).resolve().parent):
        for folder in (start, *start.parents):
            if (folder / CONFIG_NAME).is_file():
                return folder
    return here


def var_dir() -> Path:
    """The folder for everything that Rapport writes: `RAPPORT_VAR`, else `var` in the project."""
    if var := os.environ.get("RAPPORT_VAR"):
        return Path(var).expanduser().resolve()
    return project_root() / "var"


def under_project(path: str) -> Path:
    """A path of `rapport.yml`: `var/…` follows `RAPPORT_VAR`, another relative one the project.

    >>> under_project("/tmp/exports").as_posix()
    '/tmp/exports'
    """
    first, _, rest = path.partition("/")
    return var_dir() / rest if first == "var" else project_root() / Path(path).expanduser()


def config_file() -> Path:
    """The company's `rapport.yml`; `RAPPORT_CONFIG` may name another file."""
    if path := os.environ.get("RAPPORT_CONFIG"):
        return Path(path).expanduser().resolve()
    return project_root() / CONFIG_NAME


def private(path: str, flags: int) -> int:
    """The `opener` of a file that only its owner can read, before its first byte is written."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # one that was there before, too
    return descriptor


def private_file(path: Path, content: str) -> None:
    """Write a file that only its owner can read, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8", opener=private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

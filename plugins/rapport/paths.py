"""Where the project and its working files are, and how a file is written whole or not at all.

>>> var_dir().name
'var'
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def draft_of(path: Path, mode: int | None = None) -> Iterator[Path]:
    """A draft that takes the place of `path` once the block ends; an error leaves the old file.

    With a `mode`, the draft has these permissions before its first byte is written. The content
    is on the disk before the file has its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if mode is not None:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.fchmod(descriptor, mode)
            os.close(descriptor)
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def private_file(path: Path, content: str) -> None:
    """Write a file that only its owner can read; readers see the old content or the new."""
    with draft_of(path, mode=0o600) as draft:
        draft.write_text(content, encoding="utf-8")

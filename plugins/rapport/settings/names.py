"""The names of the sources and destinations that exist, found by their files.

>>> "files" in known("sources")
True
"""

import os
import sys
from functools import lru_cache
from pathlib import Path

KINDS = ("sources", "destinations")


def known(kind: str) -> list[str]:
    """The names of the sources or destinations that exist, without importing any of them.

    `connectors/<vendor>/destination.py` is the destination of that vendor, and
    `connectors/<vendor>/mail_destination.py` the one named `<vendor>_mail`.
    """
    folders = [
        (entry.path, entry.stat().st_mtime_ns)
        for package in _connector_packages()
        for entry in os.scandir(package)
        if entry.is_dir()
    ]
    return list(_found(kind, tuple(folders)))


@lru_cache(maxsize=8)
def _found(kind: str, folders: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    """The names in folders as of their last changes. Settings are read thousands of times a run."""
    role = kind.removesuffix("s")
    found = []
    for folder, _ in folders:
        for path in Path(folder).glob(f"*{role}.py"):
            prefix = path.stem.removesuffix(role).rstrip("_")
            found.append(f"{path.parent.name}_{prefix}" if prefix else path.parent.name)
    return tuple(sorted(found))


def _connector_packages() -> list[str]:
    package = sys.modules.get("rapport.connectors")
    if package is not None:
        return list(package.__path__)
    return [str(Path(__file__).parents[1] / "connectors")]

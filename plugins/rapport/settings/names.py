"""The names of the sources and destinations that exist, found by their files.

>>> "files" in known("sources")
True
"""

import sys
from pathlib import Path

KINDS = ("sources", "destinations")


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
    return [str(Path(__file__).parents[1] / "connectors")]

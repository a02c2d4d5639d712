"""The settings of a company that has every source and every destination on.

>>> sorted(settings())
['company', 'demo', 'destinations', 'sandbox', 'sources', 'surveys']
"""

from pathlib import Path
from typing import Any

import yaml

from rapport.connectors import all_destinations, all_sources
from rapport_sandbox.recorder import OPTIONS

SHARED = Path(__file__).parent / "contracts" / "everything.yml"
ROOMS = Path(__file__).parent / "connectors"


def settings() -> dict[str, Any]:
    """A rapport.yml: each connector that exists, with what its vendor's folder says of it."""
    whole: dict[str, Any] = yaml.safe_load(SHARED.read_text(encoding="utf-8"))
    whole["sources"] = {name: {} for name in all_sources()}
    whole["destinations"] = {name: OPTIONS.get(name, {}) for name in all_destinations()}
    whole["surveys"] = {}
    for path in sorted(ROOMS.glob("*/everything.yml")):
        for block, entries in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            whole[block] |= entries
    return whole


def room(kind: type) -> Path:
    """The folder of the tests of a connector's vendor."""
    return ROOMS / kind.__module__.split(".")[-2]

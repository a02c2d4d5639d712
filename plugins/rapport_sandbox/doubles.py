"""The doubles: every module below `vendors` that has a `VENDOR`, discovered automatically.

>>> all(login["password"] for login in logins().values())
True
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from rapport_sandbox import vendors

FOLDER = Path(__file__).with_name("vendors")


@cache
def doubles() -> tuple[Any, ...]:
    """The modules of all doubles. A vendor can have several."""
    names = [info.name for info in pkgutil.walk_packages(vendors.__path__, f"{vendors.__name__}.")]
    modules = map(importlib.import_module, names)
    return tuple(module for module in modules if hasattr(module, "VENDOR"))


def by_vendor() -> dict[str, Any]:
    """The double of each vendor; if it has several, the one with the login."""
    return {module.VENDOR: module for module in doubles() if hasattr(module, "LOGIN")}


def logins() -> dict[str, dict[str, Any]]:
    """The demo login of each vendor: login, password and extra."""
    return {vendor: module.LOGIN for vendor, module in sorted(by_vendor().items())}


def stated(name: str) -> dict[str, Any]:
    """What each double says under a name, such as `OPTIONS`; none of those that say nothing."""
    found = sorted(by_vendor().items())
    return {vendor: getattr(module, name) for vendor, module in found if hasattr(module, name)}


def has_double(name: str) -> bool:
    """Whether there is a double of that name. It imports none of them."""
    vendor, _, part = name.rpartition("_")
    paths = (FOLDER / f"{name}.py", FOLDER / name / "__init__.py", FOLDER / vendor / f"{part}.py")
    return any(path.is_file() for path in paths if path.parent != FOLDER or path.name != ".py")

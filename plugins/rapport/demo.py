"""The demo: with `demo: true` in rapport.yml, the sandbox stands in for vendors without a login.

The sandbox is a package beside this one. This module is the only way to it, and imports it only
where the demo asks for it.
"""

import importlib
from datetime import datetime
from typing import Any

import typer

from rapport.errors import ConfigError
from rapport.settings import load_settings

PACKAGE = "rapport_sandbox"


def ensure_running() -> str:
    """The address of the sandbox's server, started now if it is not running."""
    return str(_module("lifecycle").ensure_running())


def stop() -> bool:
    """End the sandbox's server; whether there was one."""
    return bool(_module("lifecycle").stop())


def clock() -> datetime:
    """The present of the invented company, UTC."""
    answer = _module("lifecycle").call(f"{ensure_running()}/_sandbox/clock", patience=30)
    return datetime.fromisoformat(answer["as_of"])


def stands_in_for(name: str) -> bool:
    """Whether a double of the sandbox is used for the connection of that name; starts nothing."""
    if name == "warehouse" or not load_settings().demo:
        return False
    return bool(_module("doubles").has_double(name))


def connection(name: str) -> dict[str, Any] | None:
    """The fields of the connection to a vendor's double; None outside the demo or without one."""
    if not stands_in_for(name):
        return None
    found: dict[str, Any] = _module("credentials").demo_connection(name, ensure_running())
    return found


def register_commands(application: typer.Typer) -> None:
    """Add `rapport sandbox` to the command line, where the package is installed."""
    try:
        commands = importlib.import_module(f"{PACKAGE}.commands")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != PACKAGE:
            raise
        return
    commands.register(application)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != PACKAGE:
            raise
        raise ConfigError(
            f"the package {PACKAGE} is not installed, and `demo: true` needs it. Install it with "
            "`pip install rapport[sandbox]`, or take `demo: true` out of rapport.yml."
        ) from None

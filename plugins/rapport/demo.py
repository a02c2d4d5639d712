"""The demo: with `demo: true` in rapport.yml, the sandbox replaces vendors without a connection.

The sandbox is a separate package. Only this module imports it, and only if the demo needs it.

>>> connection("postbox")  # doctest: +SKIP
{'host': 'http://127.0.0.1:8000/postbox', ...}
"""

import importlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rapport.errors import ConfigError
from rapport.settings import load_settings

if TYPE_CHECKING:
    from typer import Typer

PACKAGE = "rapport_sandbox"


def ensure_running() -> str:
    """Start the sandbox's server if it is not running; returns its URL."""
    return str(_module("lifecycle").ensure_running())


def stop() -> bool:
    """Stop the sandbox's server; returns whether it was running."""
    return bool(_module("lifecycle").stop())


def clock() -> datetime:
    """The current time of the invented company, in UTC."""
    answer = _module("lifecycle").call(f"{ensure_running()}/_sandbox/clock", patience=30)
    return datetime.fromisoformat(answer["as_of"])


def stands_in_for(name: str) -> bool:
    """Whether a double of the sandbox is used for this connection. It starts nothing."""
    if name == "warehouse" or not load_settings().demo:
        return False
    return bool(_module("doubles").has_double(name))


def connection(name: str) -> dict[str, Any] | None:
    """The connection fields of a vendor's double; None outside the demo or without a double."""
    if not stands_in_for(name):
        return None
    found: dict[str, Any] = _module("credentials").demo_connection(name, ensure_running())
    return found


def register_commands(application: "Typer") -> None:
    """Add `rapport sandbox` to the command line if the package is installed."""
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
            f"the package {PACKAGE} is not installed, but `demo: true` needs it. Install it with "
            "`pip install rapport[sandbox]`, or remove `demo: true` from rapport.yml."
        ) from None

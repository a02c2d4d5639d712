"""Logins of the vendors' doubles. They open nothing but the sandbox.

Each double declares its own as `LOGIN`; the server of the sandbox tells it to whoever asks.

>>> demo_connection("postbox", "http://127.0.0.1:8090")["host"]  # doctest: +SKIP
'http://127.0.0.1:8090/postbox'
"""

from typing import Any

import httpx

from rapport_sandbox.lifecycle import call


def demo_connection(vendor: str, base_url: str) -> dict[str, Any]:
    """host, login, password and extra of one double; raises `KeyError` for an unknown one."""
    known = call(f"{base_url}/_sandbox/logins").get(vendor)
    if known is None:
        raise KeyError(vendor)
    return connection_of(vendor, base_url, known)


def connection_of(vendor: str, base_url: str, known: dict[str, Any]) -> dict[str, Any]:
    """The same from a login; a double that does not speak HTTP is asked where it listens."""
    login = {key: value for key, value in known.items() if key != "by_http"}
    if known.get("by_http", True):
        return {"host": f"{base_url}/{vendor}", **login}
    credentials = (login["login"], login["password"])
    found = httpx.get(f"{base_url}/{vendor}/address", auth=credentials, trust_env=False)
    return {**found.raise_for_status().json(), **login}

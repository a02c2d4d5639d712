"""The demo logins of the doubles, which are valid for the sandbox only.

Each double declares its login as `LOGIN`. The sandbox's server returns them all.

>>> demo_connection("postbox", "http://127.0.0.1:8090")["host"]  # doctest: +SKIP
'http://127.0.0.1:8090/postbox'
"""

from typing import Any

import httpx

from rapport_sandbox.lifecycle import call


def demo_connection(vendor: str, base_url: str) -> dict[str, Any]:
    """The host, login, password and extra of a double; raises `KeyError` for an unknown vendor."""
    known = call(f"{base_url}/_sandbox/logins").get(vendor)
    if known is None:
        raise KeyError(vendor)
    return connection_of(vendor, base_url, known)


def connection_of(vendor: str, base_url: str, known: dict[str, Any]) -> dict[str, Any]:
    """The connection fields for a login. A double without HTTP is asked for its address."""
    login = {key: value for key, value in known.items() if key != "by_http"}
    if known.get("by_http", True):
        return {"host": f"{base_url}/{vendor}", **login}
    credentials = (login["login"], login["password"])
    found = httpx.get(f"{base_url}/{vendor}/address", auth=credentials, trust_env=False)
    return {**found.raise_for_status().json(), **login}

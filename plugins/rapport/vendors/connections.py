"""Logins of the vendors: Airflow connections, which can be read with or without Airflow.

>>> import os
>>> os.environ["AIRFLOW_CONN_EXAMPLE"] = '{"host": "https://api.example.com", "password": "k"}'
>>> get_connection("example").host
'https://api.example.com'
"""

import json
import os
import re
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rapport import demo
from rapport.errors import ConfigError


@dataclass(frozen=True)
class Connection:
    """The address of a vendor and the login; the repr shows no secret."""

    name: str
    host: str = ""
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    port: int | None = None
    schema: str = ""


def get_connection(name: str) -> Connection:
    """The connection of that name; raises a `ConfigError` that says how to add it.

    `AIRFLOW_CONN_<NAME>`, as JSON or URI, comes first. Next, inside an Airflow task, comes the
    connection that Airflow stores (in its UI or a secrets backend). Last, in the demo, comes the
    sandbox.
    """
    connection = find_connection(name)
    if connection is None:
        raise ConfigError(
            f'no connection "{name}". Add it in Airflow (Admin, Connections), or set '
            f"{variable(name)} as shown in .env.example, or set `demo: true` in rapport.yml."
        )
    return connection


def find_connection(name: str) -> Connection | None:
    """The connection of that name; None if there is none."""
    if text := os.environ.get(variable(name), "").strip():
        return parse(name, text)
    return _of_airflow(name) or _of_demo(name)


def variable(name: str) -> str:
    """The environment variable that holds the connection.

    >>> variable("postbox")
    'AIRFLOW_CONN_POSTBOX'
    """
    return f"AIRFLOW_CONN_{name.upper()}"


def parse(name: str, text: str) -> Connection:
    """An Airflow connection from JSON or a URI; raises `ConfigError` that hides the content."""
    try:
        return _from_json(name, text) if text.lstrip().startswith("{") else _from_uri(name, text)
    except (ValueError, TypeError, AttributeError):
        raise ConfigError(
            f"{variable(name)}: neither the JSON nor the URI form of an Airflow connection. "
            "See .env.example for one that is."
        ) from None


def _from_json(name: str, text: str) -> Connection:
    fields = json.loads(text)
    extra = fields.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    return Connection(
        name=name,
        host=str(fields.get("host") or ""),
        login=str(fields.get("login") or ""),
        password=str(fields.get("password") or ""),
        extra=dict(extra),
        port=int(fields["port"]) if fields.get("port") else None,
        schema=str(fields.get("schema") or ""),
    )


def _from_uri(name: str, text: str) -> Connection:
    """Read a URI as Airflow does: percent-encoded parts; a second scheme is part of the host."""
    kind, separator, rest = text.partition("://")
    if not separator or not kind:
        raise ValueError("no scheme")
    protocol, inner, address = rest.partition("://")
    has_protocol = bool(inner) and protocol.isalnum()
    if inner and not has_protocol:
        raise ValueError("an address inside of an address; percent-encode it")
    parts = urlsplit("//" + (address if has_protocol else rest))
    host = unquote(re.sub(r":\d*$", "", parts.netloc.rpartition("@")[2]))
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra = json.loads(query["__extra__"]) if "__extra__" in query else query
    return Connection(
        name=name,
        host=f"{protocol}://{host}" if has_protocol and host else host,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        extra=dict(extra),
        port=parts.port,
        schema=unquote(parts.path[1:]),
    )


def base_url(connection: Connection, default: str = "") -> str:
    """The address of a connection, with https if it names no scheme; raises `ConfigError`.

    >>> base_url(Connection("postbox", host="acme.postbox.example"))
    'https://acme.postbox.example'
    """
    host = (connection.host or default).rstrip("/")
    if not host:
        raise ConfigError(
            f'connection "{connection.name}" has no host. Set it, as in .env.example.'
        )
    host = host if "://" in host else f"https://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _of_airflow(name: str) -> Connection | None:
    """The connection stored in Airflow, which answers only inside a task."""
    runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    if runner is None or not hasattr(runner, "SUPERVISOR_COMMS"):
        return None
    from airflow.sdk import Connection as AirflowConnection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = AirflowConnection.get(name)
    except AirflowNotFoundException:
        return None
    return Connection(
        name=name,
        host=found.host or "",
        login=found.login or "",
        password=found.password or "",
        extra=dict(found.extra_dejson),
        port=found.port,
        schema=found.schema or "",
    )


def _of_demo(name: str) -> Connection | None:
    fields = demo.connection(name)
    return None if fields is None else Connection(name=name, **fields)

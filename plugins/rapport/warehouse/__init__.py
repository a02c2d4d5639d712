"""The warehouse: the Postgres of the connection `warehouse`, else the embedded one.

>>> with connect() as connection:  # doctest: +SKIP
...     connection.execute("select 1").fetchone()
(1,)
"""

from typing import Any
from urllib.parse import quote, urlencode

import psycopg

from rapport.errors import ConfigError, RetryLater
from rapport.vendors.connections import Connection, find_connection
from rapport.warehouse import counted_rows, embedded, redacted_errors
from rapport.warehouse.schema import migrate, pending

__all__ = ["airflow_url", "connect", "is_embedded", "migrate", "pending", "url", "url_of"]

SUPPORTED = range(16, 19)
PASSED_ON = ("ssl", "keepalives", "tcp_", "options", "connect_timeout", "target_session_attrs")


def url() -> str:
    """The warehouse's address with its password, `postgresql://user:password@host:port/database`.

    Starts the embedded server if there is no connection `warehouse`. Raises `ConfigError`.
    """
    connection = find_connection("warehouse")
    return embedded.url() if connection is None else url_of(connection)


def is_embedded() -> bool:
    """Whether the embedded server is the warehouse."""
    return find_connection("warehouse") is None


def airflow_url() -> str:
    """The address of the embedded server's second database, for Airflow's own metadata."""
    return embedded.url("airflow")


def connect(**options: Any) -> psycopg.Connection[Any]:
    """A connection to the warehouse, in UTC; `options` are psycopg's.

    Raises `RetryLater` where it does not answer, `ConfigError` where it refuses or is too old.
    """
    defaults = {
        "application_name": "rapport",
        "connect_timeout": 10,
        "cursor_factory": redacted_errors.Cursor,
    }
    address = url()
    if "options=" not in address:
        defaults["options"] = "-c TimeZone=UTC"
    try:
        connection = counted_rows.Connection.connect(address, **{**defaults, **options})
    except psycopg.OperationalError as error:
        raise _unreachable(error) from None
    version = connection.info.server_version // 10000
    if version not in SUPPORTED:
        connection.close()
        raise ConfigError(
            f"warehouse: Postgres {version}, but {SUPPORTED[0]} to {SUPPORTED[-1]} are supported. "
            'Upgrade the server, or point the connection "warehouse" to another one.'
        )
    return connection


def url_of(connection: Connection) -> str:
    """The address that an Airflow connection means; raises `ConfigError`."""
    if not connection.host or not connection.schema:
        raise ConfigError(
            f'connection "{connection.name}": host and schema (the name of the database) are '
            "needed. See .env.example."
        )
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    login = quote(connection.login, safe="")
    password = f":{quote(connection.password, safe='')}" if connection.password else ""
    extra = {key: value for key, value in connection.extra.items() if key.startswith(PASSED_ON)}
    if "options" in extra:
        extra["options"] = f"{extra['options']} -c TimeZone=UTC"
    query = f"?{urlencode(extra, quote_via=quote)}" if extra else ""
    database = quote(connection.schema, safe="")
    return f"postgresql://{login}{password}@{host}:{connection.port or 5432}/{database}{query}"


def _unreachable(error: psycopg.OperationalError) -> ConfigError | RetryLater:
    """libpq's message names host, user and database, never the password."""
    message = " ".join(str(error).split())
    if any(said in message for said in ("authentication failed", "does not exist", "pg_hba.conf")):
        return ConfigError(f'warehouse: {message}. Check the connection "warehouse".')
    return RetryLater(
        f"warehouse: {message}. Is the server up? `rapport doctor` checks the connection."
    )

"""The login that reads segments: a member of `segmenter`, which reads marts and nothing else.

A segment is SQL that many people write. A session of the owner that takes a role can give it back,
so segments are read by a login of their own. That is the connection `warehouse_segments` where
there is one; else `rapport db migrate` makes a login whose password follows from the warehouse's,
so that every process that may open the warehouse knows it and nothing has to be kept.

>>> name_of("rapport")
'rapport_segments'
"""

import base64
import hmac
import logging
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import psycopg

from rapport.errors import ConfigError
from rapport.vendors.connections import find_connection
from rapport.warehouse import redacted_errors, roles

CONNECTION = "warehouse_segments"
ROLE = "segmenter"
LONGEST = 63  # bytes of a name in Postgres

log = logging.getLogger(__name__)


def name_of(owner: str) -> str:
    """The name of the login that goes with an owner of the warehouse."""
    return f"{owner[: LONGEST - 9]}_segments"


def password_of(owner: str, password: str) -> str:
    """Its password, derived from the owner's: whoever does not know that one cannot compute it."""
    digest = hmac.digest(password.encode(), f"segments of {owner}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def url() -> str:
    """Its address. Raises `ConfigError` if the warehouse's login has no password."""
    from rapport import warehouse

    if (connection := find_connection(CONNECTION)) is not None:
        return warehouse.url_of(connection)
    parts = urlsplit(warehouse.url())
    owner, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not password:
        raise ConfigError(
            "segments: the warehouse is opened without a password, so the login that reads "
            f"segments cannot have one that follows from it. {_by_hand(name_of(owner))}"
        )
    login = f"{quote(name_of(owner), safe='')}:{password_of(owner, password)}"
    return parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}").geturl()


def connect() -> psycopg.Connection[Any]:
    """A session of that login in autocommit mode, in UTC; raises `ConfigError` where it has none.

    Segments are read in transactions that can write nothing, and end after the role's time.
    """
    address = url()
    timeout = roles.declared()[ROLE].statement_timeout
    options = f"-c TimeZone=UTC -c default_transaction_read_only=on -c statement_timeout={timeout}"
    try:
        connection: psycopg.Connection[Any] = psycopg.connect(
            address, options=options, application_name="rapport segments", autocommit=True,
            connect_timeout=10, cursor_factory=redacted_errors.Cursor,
        )  # fmt: skip
    except psycopg.OperationalError:
        name = urlsplit(address).username or ""
        raise ConfigError(
            f'segments: the login "{name}" cannot open the warehouse. Run `rapport db migrate`, '
            f"which makes it. {_by_hand(name)}"
        ) from None
    if row := connection.execute(TOO_MUCH).fetchone():
        connection.close()
        raise ConfigError(
            f'segments: the login "{row[0]}" may do more than read marts, and segments are written '
            f"by many. Take its other roles away, or name another one. {_by_hand(row[0])}"
        )
    return connection


# Whoever is somebody's equal, or reads or makes more than the role: its own name, else no row.
TOO_MUCH = """
select current_user::text
from pg_roles as login
where login.rolname = current_user and (
    login.rolsuper or login.rolcreaterole or login.rolcreatedb or login.rolbypassrls
    or exists (
        select from pg_namespace
        where nspname in ('raw', 'staging', 'intermediate', 'identity', 'build', 'build_pii',
            'marts_pii', 'segments', 'activation', 'privacy', 'ops')
            and has_schema_privilege(oid, 'usage')
    )
)
"""


def ensure(connection: psycopg.Connection[Any]) -> None:
    """Make the login, or give it the password that follows from the warehouse's of today.

    Nothing to do where the connection `warehouse_segments` names one, or where it works already.
    """
    from rapport import warehouse

    if find_connection(CONNECTION) is not None:
        return
    parts = urlsplit(warehouse.url())
    owner, password = unquote(parts.username or ""), unquote(parts.password or "")
    name = name_of(owner)
    if not password or (roles.exists(connection, name) and _works()):
        return
    try:
        roles.make_login(connection, name, ROLE, password_of(owner, password))
    except ConfigError as error:
        log.warning("segments cannot be read yet: %s", error)


def _works() -> bool:
    try:
        connect().close()
    except ConfigError:
        return False
    return True


def _by_hand(name: str) -> str:
    return (
        f"Or let an administrator `create role {name} login password '…' in role {ROLE}`, and add "
        f'it as the connection "{CONNECTION}".'
    )

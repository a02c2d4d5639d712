"""Logins of people and tools, each a member of one role.

>>> make_login(connection, "metabase", "bi_reader")  # doctest: +SKIP
'a new password'
"""

import secrets
from typing import Any

import psycopg
from psycopg import sql

from rapport.errors import ConfigError
from rapport.warehouse.roles import declaration, membership

Connection = psycopg.Connection[Any]


def make_login(connection: Connection, name: str, role: str, password: str | None = None) -> str:
    """Make a login that is a member of the role and nothing else; returns its new password.

    A login that exists gets a new password and the role. Raises `ConfigError`.
    """
    declared = declaration.declared()
    if role not in declared:
        raise ConfigError(f'no role "{role}". There are: {", ".join(declared)}.')
    if (
        name in declared
        or name == connection.info.user
        or (password is None and name == f"{connection.info.user}_segments")
    ):
        raise ConfigError(f'"{name}" is the name of a role: choose another one for the login.')
    password = password or secrets.token_urlsafe(18)
    try:
        with connection.transaction():
            _make(connection, name, declared[role], password)
            _make_member(connection, name, role)
    except psycopg.errors.ReservedName:
        raise ConfigError(f'"{name}" is a name of Postgres. Choose another one.') from None
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigError(
            f'warehouse: this login may not make the login "{name}". Ask who runs the server to '
            f"`create role {name} login in role {role}`."
        ) from None
    return password


def _make(connection: Connection, name: str, role: declaration.Role, password: str) -> None:
    login = sql.Identifier(name)
    if not membership.exists(connection, name):
        connection.execute(sql.SQL("create role {} nologin").format(login))
    # Hashed here: the server's log and its statistics never see the password itself.
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("alter role {} login password {} connection limit {}").format(
            login, sql.Literal(hashed.decode()), sql.Literal(role.connections)
        )
    )
    for setting, value in _settings(role).items():
        connection.execute(
            sql.SQL("alter role {} set {} = {}").format(
                login, sql.Identifier(setting), sql.Literal(value)
            )
        )


def _make_member(connection: Connection, name: str, role: str) -> None:
    member = sql.Identifier(name)
    for other in declaration.declared():
        if other != role and _is_member(connection, name, other):
            connection.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(other), member))
    connection.execute(
        sql.SQL("grant {} to {} with inherit true").format(sql.Identifier(role), member)
    )
    # So that whoever runs the warehouse may see and end the sessions of this login.
    connection.execute(sql.SQL("grant {} to current_user with inherit true").format(member))


def _is_member(connection: Connection, name: str, role: str) -> bool:
    row = connection.execute(
        "select from pg_auth_members where roleid = to_regrole(%s) and member = to_regrole(%s)",
        [role, connection.execute("select quote_ident(%s)", [name]).fetchone()[0]],  # type: ignore[index]
    ).fetchone()
    return row is not None


def _settings(role: declaration.Role) -> dict[str, str]:
    settings = {"statement_timeout": role.statement_timeout} if role.statement_timeout else {}
    return settings | ({"default_transaction_read_only": "on"} if role.only_reads else {})

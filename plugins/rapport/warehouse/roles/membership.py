"""Whether a role exists and this login may take it; roles are made where the login may make them.

>>> can_take(connection, "bi_reader")  # doctest: +SKIP
True
"""

from typing import Any

import psycopg
from psycopg import sql

from rapport.warehouse.roles import declaration

Connection = psycopg.Connection[Any]


def make(connection: Connection, name: str) -> bool:
    """Whether the role is there, and this login may take it, made so if need be."""
    row = connection.execute(
        """
        select
            exists (select from pg_roles where rolname = %(name)s),
            (select rolcreaterole or rolsuper from pg_roles where rolname = current_user),
            (select rolsuper from pg_roles where rolname = current_user),
            exists (
                select from pg_auth_members as membership
                inner join pg_roles as roles on roles.oid = membership.roleid
                where roles.rolname = %(name)s and membership.set_option
                    and membership.inherit_option
                    and membership.member = current_user::regrole
            )
        """,
        {"name": name},
    ).fetchone()
    assert row is not None
    is_there, may_make, is_super, is_member = row
    if is_there and (is_super or is_member):
        return True
    if not may_make:
        return bool(is_there)
    role = sql.Identifier(name)
    try:
        with connection.transaction():
            if not is_there:
                connection.execute(sql.SQL("create role {} nologin").format(role))
            if not is_super:
                connection.execute(
                    sql.SQL("grant {} to current_user with inherit true, set true").format(role)
                )
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return make(connection, name)
    except psycopg.errors.InsufficientPrivilege:
        return bool(is_there)
    return True


def can_take(connection: Connection, role: str) -> bool:
    """Whether this login may `set role` to it."""
    row = connection.execute(
        "select pg_has_role(oid, 'SET') from pg_roles where rolname = %s", [role]
    ).fetchone()
    return bool(row and row[0])


def session_options(connection: Connection, role: str) -> str:
    """libpq's `options` of a session that begins in that role.

    For SQL of our own: a session can give a role back. Its timeout alone, where the role cannot be
    taken.
    """
    options = [f"-c role={role}"] if can_take(connection, role) else []
    if timeout := declaration.declared()[role].statement_timeout:
        options.append(f"-c statement_timeout={timeout}")
    return " ".join(options)


def exists(connection: Connection, name: str) -> bool:
    """Whether the server has a role or login of that name."""
    return (
        connection.execute("select from pg_roles where rolname = %s", [name]).fetchone() is not None
    )

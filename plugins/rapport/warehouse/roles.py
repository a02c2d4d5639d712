"""The roles of the warehouse: what `roles.yml` says and what the catalogue says.

>>> sorted(declared()["bi_reader"].schemas)
['marts']
"""

import logging
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import yaml
from psycopg import sql

from rapport.errors import ConfigError

FILE = Path(__file__).parent / "roles.yml"
# dbt makes these when it first builds; the grants have to be there before.
OF_DBT = (
    "staging", "intermediate", "identity_build", "build", "build_pii", "marts", "marts_pii",
)  # fmt: skip
Connection = psycopg.Connection[Any]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Role:
    """A group of logins: the privileges it has on every table of a schema."""

    name: str
    purpose: str
    schemas: dict[str, tuple[str, ...]]
    connections: int
    statement_timeout: str | None = None

    @property
    def only_reads(self) -> bool:
        """Whether it may change nothing anywhere."""
        return all(privileges == ("select",) for privileges in self.schemas.values())


class Grant(NamedTuple):
    """One privilege of one role; `kind` is database, schema, table or default."""

    kind: str
    name: str
    role: str
    privilege: str


@cache
def declared() -> dict[str, Role]:
    """Every role of `roles.yml` by name."""
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {
        name: Role(
            name,
            entry["purpose"],
            {schema: tuple(privileges) for schema, privileges in entry["schemas"].items()},
            entry["connections"],
            entry.get("statement_timeout"),
        )
        for name, entry in content.items()
    }


def apply(connection: Connection) -> list[str]:
    """Make the roles and the grants that are missing; the names of the roles that cannot be made.

    The right to make tables, which an older release gave, is taken back. Only what differs from the
    declaration is changed, so that two processes at once and a second run do nothing. A login
    without CREATEROLE leaves out the roles that nobody made for it.
    """
    with connection.transaction():
        connection.execute("lock table ops.migrations in exclusive mode")
        missing = [name for name in declared() if not _made(connection, name)]
        for schema in OF_DBT:
            connection.execute(
                sql.SQL("create schema if not exists {}").format(sql.Identifier(schema))
            )
        for grant in sorted(wanted(connection) - granted(connection)):
            if grant.role not in missing:
                _try(connection, _statement(grant))
        for grant in undeclared(connection):
            if (grant.kind, grant.privilege) == ("schema", "CREATE"):
                _try(connection, _revocation(grant))
    if missing:
        log.warning("roles that this login may not make: %s", ", ".join(missing))
    return missing


def _made(connection: Connection, name: str) -> bool:
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
    exists, may_make, is_super, is_member = row
    if exists and (is_super or is_member):
        return True
    if not may_make:
        return bool(exists)
    role = sql.Identifier(name)
    try:
        with connection.transaction():
            if not exists:
                connection.execute(sql.SQL("create role {} nologin").format(role))
            if not is_super:
                connection.execute(
                    sql.SQL("grant {} to current_user with inherit true, set true").format(role)
                )
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return _made(connection, name)
    except psycopg.errors.InsufficientPrivilege:
        return bool(exists)
    return True


def wanted(connection: Connection) -> set[Grant]:
    """What the declaration means for the schemas and tables that are there."""
    tables: dict[str, list[str]] = {}
    for schema, table in connection.execute(TABLES):
        tables.setdefault(schema, [])
        if table is not None:
            tables[schema].append(table)
    row = connection.execute("select current_database()").fetchone()
    assert row is not None
    grants = set()
    for role in declared().values():
        grants.add(Grant("database", row[0], role.name, "CONNECT"))
        for schema, privileges in role.schemas.items():
            if schema not in tables:
                continue
            grants.add(Grant("schema", schema, role.name, "USAGE"))
            for privilege in map(str.upper, privileges):
                grants.add(Grant("default", schema, role.name, privilege))
                grants.update(
                    Grant("table", f"{schema}.{table}", role.name, privilege)
                    for table in tables[schema]
                )
    return grants


def granted(connection: Connection) -> set[Grant]:
    """Every grant of the catalogue to somebody else than the owner, the system's own left out."""
    return {Grant(*row) for row in connection.execute(GRANTED)}


def undeclared(connection: Connection) -> list[Grant]:
    """Grants to the roles of Rapport that its declaration does not know."""
    extra = granted(connection) - wanted(connection)
    return sorted(grant for grant in extra if grant.role in declared())


def _try(connection: Connection, statement: sql.Composed) -> None:
    """What another login made is for that one to grant; `rapport doctor` says what is missing."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        log.warning("not granted: %s", statement.as_string(connection))


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
    if timeout := declared()[role].statement_timeout:
        options.append(f"-c statement_timeout={timeout}")
    return " ".join(options)


def make_login(connection: Connection, name: str, role: str, password: str | None = None) -> str:
    """A login that is a member of the role and nothing else; returns its new password.

    A login that is there gets a new password and the role. Raises `ConfigError`.
    """
    if role not in declared():
        raise ConfigError(f'no role "{role}". There are: {", ".join(declared())}.')
    if (
        name in declared()
        or name == connection.info.user
        or (password is None and name == f"{connection.info.user}_segments")
    ):
        raise ConfigError(f'"{name}" is the name of a role: choose another one for the login.')
    password = password or secrets.token_urlsafe(18)
    login = sql.Identifier(name)
    try:
        with connection.transaction():
            if not exists(connection, name):
                connection.execute(sql.SQL("create role {} nologin").format(login))
            # Hashed here: the server's log and its statistics never see the password itself.
            hashed = connection.pgconn.encrypt_password(
                password.encode(), name.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("alter role {} login password {} connection limit {}").format(
                    login, sql.Literal(hashed.decode()), sql.Literal(declared()[role].connections)
                )
            )
            for other in declared():
                if other != role and _is_member(connection, name, other):
                    connection.execute(
                        sql.SQL("revoke {} from {}").format(sql.Identifier(other), login)
                    )
            connection.execute(
                sql.SQL("grant {} to {} with inherit true").format(sql.Identifier(role), login)
            )
            # So that whoever runs the warehouse may see and end the sessions of this login.
            connection.execute(sql.SQL("grant {} to current_user with inherit true").format(login))
            for setting, value in _settings(declared()[role]).items():
                connection.execute(
                    sql.SQL("alter role {} set {} = {}").format(
                        login, sql.Identifier(setting), sql.Literal(value)
                    )
                )
    except psycopg.errors.ReservedName:
        raise ConfigError(f'"{name}" is a name of Postgres. Choose another one.') from None
    except psycopg.errors.InsufficientPrivilege:
        raise ConfigError(
            f'warehouse: this login may not make the login "{name}". Ask who runs the server to '
            f"`create role {name} login in role {role}`."
        ) from None
    return password


def _is_member(connection: Connection, name: str, role: str) -> bool:
    row = connection.execute(
        "select from pg_auth_members where roleid = to_regrole(%s) and member = to_regrole(%s)",
        [role, connection.execute("select quote_ident(%s)", [name]).fetchone()[0]],  # type: ignore[index]
    ).fetchone()
    return row is not None


def _settings(role: Role) -> dict[str, str]:
    settings = {"statement_timeout": role.statement_timeout} if role.statement_timeout else {}
    return settings | ({"default_transaction_read_only": "on"} if role.only_reads else {})


def end_overlong(connection: Connection) -> int:
    """End transactions of readers that are older than their role allows; how many.

    A login can lift its own `statement_timeout`, so it is held to it here. Sessions that this login
    may not end are left alone.
    """
    limits = {role.name: role.statement_timeout for role in declared().values()}
    rows = connection.execute(
        OVERLONG, {"roles": list(limits), "timeouts": list(limits.values())}
    ).fetchall()
    for role, _ in rows:
        log.warning("a transaction of role %s was older than it may get, and was ended", role)
    return len(rows)


def exists(connection: Connection, name: str) -> bool:
    """Whether the server has a role or login of that name."""
    return (
        connection.execute("select from pg_roles where rolname = %s", [name]).fetchone() is not None
    )


def _revocation(grant: Grant) -> sql.Composed:
    return sql.SQL("revoke {} on schema {} from {}").format(
        sql.SQL(grant.privilege), sql.Identifier(grant.name), sql.Identifier(grant.role)
    )


def _statement(grant: Grant) -> sql.Composed:
    privilege, role = sql.SQL(grant.privilege), sql.Identifier(grant.role)
    if grant.kind == "default":
        return sql.SQL("alter default privileges in schema {} grant {} on tables to {}").format(
            sql.Identifier(grant.name), privilege, role
        )
    name = grant.name.split(".", 1) if grant.kind == "table" else [grant.name]
    return sql.SQL("grant {} on {} {} to {}").format(
        privilege, sql.SQL(grant.kind), sql.Identifier(*name), role
    )


TABLES = """
select schemas.nspname, tables.relname
from pg_namespace as schemas
left join pg_class as tables
    on tables.relnamespace = schemas.oid and tables.relkind in ('r', 'p', 'v', 'm')
where schemas.nspname !~ '^pg_' and schemas.nspname <> 'information_schema'
"""

OVERLONG = """
with allowed (role, timeout) as (
    select role, timeout::interval
    from unnest(%(roles)s::text[], %(timeouts)s::text[]) as given (role, timeout)
    where timeout is not null
)

select distinct on (session.pid) allowed.role, pg_terminate_backend(session.pid)
from allowed
inner join pg_roles as reader on reader.rolname = allowed.role
inner join pg_roles as login on pg_has_role(login.oid, reader.oid, 'usage')
inner join pg_stat_activity as session on session.usesysid = login.oid
where not login.rolsuper and login.rolname <> current_user
    and not pg_has_role(login.oid, current_user, 'usage')
    and pg_has_role(current_user, login.oid, 'usage')
    and session.xact_start < clock_timestamp() - allowed.timeout
"""

GRANTED = """
with acls (kind, name, owner, acl) as (
    select 'database', datname::text, datdba, datacl
    from pg_database where datname = current_database()
    union all
    select 'schema', nspname::text, nspowner, nspacl
    from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select 'table', format('%s.%s', nspname, relname), relowner, relacl
    from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select 'column', format('%s.%s.%s', nspname, relname, attname), relowner, attacl
    from pg_attribute
    inner join pg_class on pg_class.oid = attrelid
    inner join pg_namespace on pg_namespace.oid = relnamespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select 'function', format('%s.%s', nspname, proname), proowner, proacl
    from pg_proc inner join pg_namespace on pg_namespace.oid = pronamespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all
    select 'default', coalesce(nspname::text, ''), defaclrole, defaclacl
    from pg_default_acl left join pg_namespace on pg_namespace.oid = defaclnamespace
    where defaclrole = current_user::regrole
)

select
    acls.kind,
    acls.name,
    case when given.grantee = 0 then 'public' else given.grantee::regrole::text end,
    given.privilege_type
from acls, aclexplode(acls.acl) as given
where given.grantee <> acls.owner
"""

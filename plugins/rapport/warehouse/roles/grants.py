"""The grants of the warehouse: what the declaration asks for, what the catalogue has.

>>> Grant("schema", "marts", "bi_reader", "USAGE").privilege
'USAGE'
"""

import logging
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from rapport.warehouse.roles import declaration, membership

# dbt makes these when it first builds; the grants have to be there before.
OF_DBT = (
    "staging", "intermediate", "identity_build", "build", "build_pii", "marts", "marts_pii",
)  # fmt: skip
Connection = psycopg.Connection[Any]

log = logging.getLogger(__name__)


class Grant(NamedTuple):
    """One privilege of one role; `kind` is database, schema, table or default."""

    kind: str
    name: str
    role: str
    privilege: str


def apply(connection: Connection) -> list[str]:
    """Make the roles and the grants that are missing; the names of the roles that cannot be made.

    The right to make tables, which an older release gave, is taken back. Only what differs from the
    declaration is changed, so that two processes at once and a second run do nothing. A login
    without CREATEROLE leaves out the roles that nobody made for it.
    """
    with connection.transaction():
        connection.execute("lock table ops.migrations in exclusive mode")
        missing = [name for name in declaration.declared() if not membership.make(connection, name)]
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
    for role in declaration.declared().values():
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
    return sorted(grant for grant in extra if grant.role in declaration.declared())


def _try(connection: Connection, statement: sql.Composed) -> None:
    """What another login made is for that one to grant; `rapport doctor` says what is missing."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        log.warning("not granted: %s", statement.as_string(connection))


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

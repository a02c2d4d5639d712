"""The logins and databases of the embedded server: a superuser whom no process uses, and owners.

`postgres` is the superuser; its password is needed only where a server of an older release, of
which the owner was the superuser, is brought here. `rapport` owns the warehouse and may make roles
(CREATEROLE), `airflow` owns Airflow's metadata.

>>> sorted(first_statements({"postgres": "a", "rapport": "b", "airflow": "c"}))
['postgres', 'template1']
"""

import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg import sql

from rapport.errors import ConfigError

ADMIN = "postgres"
OWNER = "rapport"
DATABASES = {"warehouse": OWNER, "airflow": "airflow"}

# No login of Rapport needs the databases that every server has.
CLOSE = "revoke connect, temporary on database postgres, template1 from public"
HARDEN = (Path(__file__).parent / "harden.sql").read_text(encoding="utf-8")


def first_statements(passwords: dict[str, str]) -> dict[str, str]:
    """The first statements of a new cluster, by the database that they run in.

    Each statement ends with a semicolon and an empty line, as the single-user mode with -j wants.
    """
    statements = [
        f"create role {OWNER} login createrole password '{passwords[OWNER]}'",
        f"create role airflow login password '{passwords['airflow']}'",
    ]
    for database, role in DATABASES.items():
        # Airflow takes advisory locks, in a database that only Airflow may open.
        template = "template0" if database == "airflow" else "template1"
        statements.append(f"create database {database} owner {role} template {template}")
        statements.append(f"revoke all on database {database} from public")
    statements.append(CLOSE)
    return {
        "template1": HARDEN.strip() + "\n\n",
        "postgres": HARDEN.strip()
        + "\n\n"
        + "".join(f"{statement};\n\n" for statement in statements),
    }


def demote_login(address: str) -> str | None:
    """Demote the superuser that an address names; the new superuser's password, None if it is none.

    Raises `ConfigError` where another superuser can do it with one statement.
    """
    parts = urlsplit(address)
    with psycopg.connect(address) as connection:
        row = connection.execute(
            "select oid = 10, rolsuper from pg_roles where rolname = current_user"
        ).fetchone()
    assert row is not None
    is_first, is_super = row
    if not is_super:
        return None
    login = unquote(parts.username or "")
    if not is_first or login != OWNER:
        raise ConfigError(
            f'warehouse: as another superuser, `alter role "{login}" nosuperuser createrole`.'
        )
    passwords = {ADMIN: secrets.token_urlsafe(24), OWNER: unquote(parts.password or "")}
    demote(parts.hostname or "127.0.0.1", parts.port or 5432, passwords)
    return passwords[ADMIN]


def demote(host: str, port: int, passwords: dict[str, str]) -> None:
    """Give a cluster whose owner is the superuser the logins of a new cluster.

    The superuser gets the name `postgres`, and a new login `rapport` gets its password and all
    that it owned. What is done already is not done again.
    """
    between = "rapport_upgrade"

    def connect(login: str, database: str, password: str) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=host, port=port, user=login, dbname=database, password=password, autocommit=True
        )

    # A login cannot rename itself.
    if not _can_log_in(host, port, ADMIN, passwords[ADMIN]):
        with connect(OWNER, "postgres", passwords[OWNER]) as owner:
            owner.execute(f"drop role if exists {between}")
            owner.execute(f"create role {between} superuser login")
            _set_password(owner, between, passwords[ADMIN])
        with connect(between, "postgres", passwords[ADMIN]) as helper, helper.transaction():
            helper.execute(
                sql.SQL("alter role {} rename to {}").format(*map(sql.Identifier, (OWNER, ADMIN)))
            )
            _set_password(helper, ADMIN, passwords[ADMIN])
            helper.execute(f"create role {OWNER} login createrole")
            _set_password(helper, OWNER, passwords[OWNER])
    with connect(ADMIN, "postgres", passwords[ADMIN]) as admin:
        admin.execute(f"drop role if exists {between}")
        admin.execute(MEMBERSHIPS)
        databases = [row[0] for row in admin.execute(THEIR_DATABASES)]
        for name in databases:
            with connect(ADMIN, name, passwords[ADMIN]) as inside:
                inside.execute(HAND_OVER)
                inside.execute(HARDEN)
            admin.execute(
                sql.SQL("alter database {} owner to {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER)
                )
            )
        admin.execute(CLOSE)
        admin.execute(HARDEN)
    with connect(ADMIN, "template1", passwords[ADMIN]) as template:
        template.execute(HARDEN)


def _can_log_in(host: str, port: int, login: str, password: str) -> bool:
    try:
        psycopg.connect(
            host=host, port=port, user=login, dbname="postgres", password=password
        ).close()
    except psycopg.OperationalError:
        return False
    return True


def _set_password(connection: psycopg.Connection[Any], login: str, password: str) -> None:
    hashed = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("alter role {} password {}").format(
            sql.Identifier(login), sql.Literal(hashed.decode())
        )
    )


THEIR_DATABASES = """
select datname from pg_database
where not datistemplate and datallowconn and datname <> 'postgres' and datdba = 10
"""

# The roles and logins that the owner made when it was the superuser stay its own to grant.
MEMBERSHIPS = f"""
do $$
declare role name;
begin
    for role in
        select rolname from pg_roles
        where not rolsuper and rolname !~ '^pg_' and rolname not in ('{OWNER}', 'airflow')
    loop
        execute format(
            'grant %I to {OWNER} with admin true, inherit true, set true', role
        );
    end loop;
end $$;
"""  # noqa: S608 - a name of this file

# `reassign owned` refuses the first superuser, to whom the catalogue belongs too.
HAND_OVER = f"""
do $$
declare statement text;
begin
    for statement in
        select format('alter schema %I owner to {OWNER}', nspname)
        from pg_namespace
        where nspowner = 10 and nspname !~ '^pg_'
            and nspname not in ('information_schema', 'public')
        union all
        select format('alter %s %I.%I owner to {OWNER}',
            case relkind when 'v' then 'view' when 'm' then 'materialized view'
                when 'S' then 'sequence' else 'table' end,
            nspname, relname)
        from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
        where relowner = 10 and nspname !~ '^pg_' and nspname <> 'information_schema'
            and relkind in ('r', 'p', 'v', 'm', 'S')
            and not exists (
                select from pg_depend
                where classid = 'pg_class'::regclass and objid = pg_class.oid
                    and relkind = 'S' and deptype in ('a', 'i')
            )
        union all
        select format('alter routine %s owner to {OWNER}', pg_proc.oid::regprocedure)
        from pg_proc inner join pg_namespace on pg_namespace.oid = pronamespace
        where proowner = 10 and nspname !~ '^pg_' and nspname <> 'information_schema'
    loop
        execute statement;
    end loop;
end $$;
"""  # noqa: S608 - a name of this file

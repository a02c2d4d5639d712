"""Sessions of readers: those that hold a transaction for longer than their role allows are ended.

>>> end_overlong(connection)  # doctest: +SKIP
0
"""

import logging
from typing import Any

import psycopg

from rapport.warehouse.roles import declaration

Connection = psycopg.Connection[Any]

log = logging.getLogger(__name__)


def end_overlong(connection: Connection) -> int:
    """End transactions of readers that are older than their role allows; how many.

    A login can lift its own `statement_timeout`, so it is held to it here. Sessions that this login
    may not end are left alone.
    """
    limits = {role.name: role.statement_timeout for role in declaration.declared().values()}
    rows = connection.execute(
        OVERLONG, {"roles": list(limits), "timeouts": list(limits.values())}
    ).fetchall()
    for role, _ in rows:
        log.warning("a transaction of role %s was older than it may get, and was ended", role)
    return len(rows)


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

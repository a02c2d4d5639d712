"""Tables in the warehouse's schemas that belong to somebody else: never read or changed here.

Whoever owns a table decides by triggers, rules, policies and types what code runs when somebody
touches it. An erasure that touched it would run that code as the warehouse's own login.

>>> tables(connection)  # doctest: +SKIP
{('marts', 'notes'): 'eve'}
"""

from typing import Any

import psycopg

# SQL of a condition on pg_class under the name of `tables`.
OURS = "tables.relowner in (select oid from pg_roles where rolsuper or rolname = current_user)"
FOREIGN = f"""
select schemas.nspname, tables.relname, tables.relowner::regrole::text
from pg_class as tables
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'p') and schemas.nspowner = current_user::regrole and not {OURS}
order by 1, 2
"""  # noqa: S608 - a condition of this file


def tables(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    """The owner of each such table, by schema and name."""
    return {(schema, name): owner for schema, name, owner in connection.execute(FOREIGN)}

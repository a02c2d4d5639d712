"""Tables in the warehouse's schemas that another login owns, which an erasure never touches.

The owner of a table decides by triggers, rules, policies and types what code runs when somebody
reads or changes it. An erasure would run that code with the rights of the warehouse's own login.

>>> tables(connection)  # doctest: +SKIP
{('marts', 'notes'): 'eve'}
"""

from typing import Any

import psycopg

# An SQL condition on pg_class, which must have the alias `tables`.
OURS = "tables.relowner in (select oid from pg_roles where rolsuper or rolname = current_user)"
FOREIGN = f"""
select schemas.nspname, tables.relname, tables.relowner::regrole::text
from pg_class as tables
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'p') and schemas.nspowner = current_user::regrole and not {OURS}
order by 1, 2
"""  # noqa: S608 - a condition of this file


def tables(connection: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    """The owner of each table of another login, by schema and name."""
    return {(schema, name): owner for schema, name, owner in connection.execute(FOREIGN)}

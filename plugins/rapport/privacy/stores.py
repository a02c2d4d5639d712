"""Every table that may hold a person, found in the catalogue by the names of its columns.

A table that somebody adds tomorrow is covered as long as its columns are named as everywhere. Only
tables of the warehouse's own login are touched: whoever owns another one decides by triggers, rules
and types what code runs when it is read or changed, and it would run as this login.

>>> COLUMNS["customer_id"]
'customers'
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from rapport.privacy.foreign import OURS
from rapport.privacy.person import Person

Connection = psycopg.Connection[Any]
ERASED = "[erased]"

# The name of a column: the ids of a person that stand in it.
COLUMNS = {
    "customer_id": "customers",
    "from_customer_id": "customers",
    "to_customer_id": "customers",
    "alias_id": "customers",
    "row_id": "customers",
    "profile_id": "profiles",
    "profile_a": "profiles",
    "profile_b": "profiles",
    "anchor_profile_id": "profiles",
    "profile_key": "keys",
}
# These hold what is offered, not who offers it: only what nobody else has goes.
OWN_ALONE = {"identity.identifiers": "identifier_key", "identity.normal_forms": "identifier_key"}
# raw has its own way (see erase); the books hold no persons; privacy is what does this.
APART = ("raw", "ops", "privacy")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with the columns in which ids of a person may stand."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def identifier(self) -> sql.Identifier:
        """For statements."""
        return sql.Identifier(self.schema, self.name)

    def condition(self, person: Person) -> sql.Composed:
        """SQL for whether a row is the person's."""
        return sql.SQL("({})").format(
            sql.SQL(" or ").join(
                sql.SQL("{}::text = any({})").format(
                    sql.Identifier(column), sql.Literal(sorted(getattr(person, ids)))
                )
                for column, ids in self.columns
            )
        )


def tables(connection: Connection) -> list[Table]:
    """The tables of people, those that are read by somebody first."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column in connection.execute(PEOPLE, {"apart": list(APART)}):
        own = OWN_ALONE.get(f"{schema}.{name}")
        if own is not None and own == column:
            found.setdefault((schema, name), []).append((column, "identifiers"))
        elif own is None and column in COLUMNS:
            found.setdefault((schema, name), []).append((column, COLUMNS[column]))
    return [Table(*table, tuple(columns)) for table, columns in sorted(found.items())]


def rows(connection: Connection, table: Table, person: Person) -> list[dict[str, Any]]:
    """The person's rows of a table, as JSON."""
    statement = sql.SQL("select to_jsonb(t) from {} as t where {}").format(
        table.identifier, table.condition(person)
    )
    return [row[0] for row in connection.execute(statement)]


def delete(connection: Connection, table: Table, person: Person) -> int:
    """Delete the person's rows of a table; how many there were."""
    statement = sql.SQL("delete from {} where {}").format(table.identifier, table.condition(person))
    return connection.execute(statement).rowcount


def scrub(connection: Connection, traces: Sequence[str]) -> dict[str, int]:
    """Take addresses and numbers out of what is left anywhere: texts of others that mention them.

    Counts of rows by table. Views show what their tables hold, so tables are enough.
    """
    changed: dict[str, int] = {}
    if not traces:
        return changed
    pattern = "|".join(map(_quoted, sorted(traces, key=len, reverse=True)))
    for schema, name, columns in _texts(connection):
        identifier = sql.Identifier(schema, name)
        hit = sql.SQL(" or ").join(
            sql.SQL("{}::text ~* {}").format(sql.Identifier(column), sql.Literal(pattern))
            for column, _ in columns
        )
        assignments = sql.SQL(", ").join(
            sql.SQL("{0} = regexp_replace({0}::text, {1}, {2}, 'gi')::{3}").format(
                sql.Identifier(column), sql.Literal(pattern), sql.Literal(ERASED), sql.SQL(kind)
            )
            for column, kind in columns
        )
        try:
            with connection.transaction():
                count = connection.execute(
                    sql.SQL("update {} set {} where {}").format(identifier, assignments, hit)
                ).rowcount
        except psycopg.errors.UniqueViolation:
            count = connection.execute(
                sql.SQL("delete from {} where {}").format(identifier, hit)
            ).rowcount
        if count:
            changed[f"{schema}.{name}"] = count
    return changed


def left(connection: Connection, person: Person) -> dict[str, int]:
    """Rows that still hold the person, by table; empty after an erasure."""
    found: dict[str, int] = {}
    for table in tables(connection):
        row = connection.execute(
            sql.SQL("select count(*) from {} where {}").format(
                table.identifier, table.condition(person)
            )
        ).fetchone()
        if row and row[0]:
            found[f"{table.schema}.{table.name}"] = row[0]
    return found


def _texts(connection: Connection) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column, kind in connection.execute(TEXTS):
        found.setdefault((schema, name), []).append((column, kind))
    for (schema, name), columns in found.items():
        yield schema, name, columns


def _quoted(text: str) -> str:
    """A regular expression of Postgres for the text where it stands alone: no longer address."""
    inner = "".join(c if c.isalnum() else _in_a_link(c) for c in text)
    before = "(?:(?<![A-Za-z0-9._%+-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))"
    return f"{before}{inner}(?![A-Za-z0-9_-]|\\.[A-Za-z0-9])"


def _in_a_link(sign: str) -> str:
    """The sign itself, or percent-encoded, also more than once."""
    if not sign.isascii():
        return sign
    code = f"{ord(sign):02x}"
    return f"(?:\\{sign}|%(?:25)*(?:{code}|{code.upper()}))"


PEOPLE = f"""
select schemas.nspname, tables.relname, columns.attname
from pg_attribute as columns
inner join pg_class as tables on tables.oid = columns.attrelid
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'p') and columns.attnum > 0 and not columns.attisdropped
    and schemas.nspname !~ '^pg_' and schemas.nspname <> 'information_schema'
    and schemas.nspname <> all(%(apart)s) and {OURS}
order by 1, 2, columns.attnum
"""  # noqa: S608 - a condition of this file

TEXTS = f"""
select schemas.nspname, tables.relname, columns.attname,
    format_type(columns.atttypid, columns.atttypmod)
from pg_attribute as columns
inner join pg_class as tables on tables.oid = columns.attrelid
inner join pg_namespace as schemas on schemas.oid = tables.relnamespace
where tables.relkind in ('r', 'p') and columns.attnum > 0 and not columns.attisdropped
    and columns.attgenerated = ''
    and schemas.nspname !~ '^pg_' and schemas.nspname <> 'information_schema'
    and columns.atttypid in ('text'::regtype, 'varchar'::regtype, 'jsonb'::regtype,
        'text[]'::regtype)
    and schemas.nspname <> 'privacy' and {OURS}
order by 1, 2, columns.attnum
"""  # noqa: S608 - a condition of this file

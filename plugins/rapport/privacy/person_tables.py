"""Finds every table that may hold data of a person, by the names of its columns.

A new table is covered if its columns follow the naming rules. Only tables of the warehouse's own
login are read and changed (see `foreign`).

>>> COLUMNS["customer_id"]
'customers'
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from rapport.privacy.person import Person
from rapport.privacy.tables_of_others import OURS

Connection = psycopg.Connection[Any]
ERASED = "[erased]"
SOMEBODY = "[another person]"
PAIR = {"profile_a", "profile_b"}

# The name of a column, and the attribute of `Person` whose ids it holds.
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
# These tables hold identifiers and not profiles. Only identifiers of this person alone are deleted.
IDENTIFIER_TABLES = {
    "identity.identifiers": "identifier_key",
    "identity.normal_forms": "identifier_key",
}
# `raw` is erased by `erase`, `ops` holds no personal data, and `privacy` holds the request itself.
SKIPPED_SCHEMAS = ("raw", "ops", "privacy")


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns that hold ids, each with the attribute of `Person`."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def identifier(self) -> sql.Identifier:
        """The quoted name, for SQL statements."""
        return sql.Identifier(self.schema, self.name)

    def condition(self, person: Person) -> sql.Composed:
        """The SQL condition for the person's rows."""
        return sql.SQL("({})").format(
            sql.SQL(" or ").join(
                sql.SQL("{}::text = any({})").format(
                    sql.Identifier(column), sql.Literal(sorted(getattr(person, ids)))
                )
                for column, ids in self.columns
            )
        )


def tables(connection: Connection) -> list[Table]:
    """All tables with ids of people, sorted by schema and name."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for schema, name, column in connection.execute(PEOPLE, {"apart": list(SKIPPED_SCHEMAS)}):
        own = IDENTIFIER_TABLES.get(f"{schema}.{name}")
        if own is not None and own == column:
            found.setdefault((schema, name), []).append((column, "identifiers"))
        elif own is None and column in COLUMNS:
            found.setdefault((schema, name), []).append((column, COLUMNS[column]))
    return [Table(*table, tuple(columns)) for table, columns in sorted(found.items())]


def rows(connection: Connection, table: Table, person: Person) -> list[dict[str, Any]]:
    """The person's rows in a table, as dictionaries.

    Of a pair of two people, the id of the other one is left out: it can be an e-mail address.
    """
    statement = sql.SQL("select to_jsonb(t) from {} as t where {}").format(
        table.identifier, table.condition(person)
    )
    found = [row[0] for row in connection.execute(statement)]
    for row in found:
        for column in PAIR & row.keys():
            if row[column] not in person.profiles:
                row[column] = SOMEBODY
    return found


def delete(connection: Connection, table: Table, person: Person) -> int:
    """Delete the person's rows from a table; returns how many there were."""
    statement = sql.SQL("delete from {} where {}").format(table.identifier, table.condition(person))
    return connection.execute(statement).rowcount


def scrub(connection: Connection, traces: Sequence[str]) -> dict[str, int]:
    """Replace addresses and numbers in all text columns, such as texts of others that mention them.

    Returns the number of changed rows by table. If the change would violate a unique key or a
    check, such as the order of a pair, the row is deleted.
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
        except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
            count = connection.execute(
                sql.SQL("delete from {} where {}").format(identifier, hit)
            ).rowcount
        if count:
            changed[f"{schema}.{name}"] = count
    return changed


def left(connection: Connection, person: Person) -> dict[str, int]:
    """The number of rows that still belong to the person, by table; empty after an erasure."""
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
    """A Postgres regular expression for the text, if it is not a part of a longer address."""
    inner = "".join(c if c.isalnum() else _in_a_link(c) for c in text)
    before = "(?:(?<![A-Za-z0-9._%+-])|(?<=%[0-9A-Fa-f][0-9A-Fa-f]))"
    return f"{before}{inner}(?![A-Za-z0-9_-]|\\.[A-Za-z0-9])"


def _in_a_link(sign: str) -> str:
    """A pattern for the character itself or its percent-encoding, even if encoded repeatedly."""
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

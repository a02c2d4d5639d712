"""Fills an empty table without its unique keys and adds them afterwards, which is much faster.

>>> with without_keys(warehouse, "identity.identifiers") as is_empty:  # doctest: +SKIP
...     warehouse.execute("insert into identity.identifiers ...")
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql


@contextmanager
def without_keys(warehouse: psycopg.Connection[Any], table: str) -> Iterator[bool]:
    """Drop the unique keys of a table inside the context, if it is empty; yields whether it is.

    Call it in a transaction: if that fails, the keys are there again.
    """
    name = sql.Identifier(*table.split("."))
    row = warehouse.execute(sql.SQL("select not exists (select from {})").format(name)).fetchone()
    if not (row and row[0]):
        yield False
        return
    keys = warehouse.execute(KEYS, [table]).fetchall()
    for key, _ in keys:
        warehouse.execute(
            sql.SQL("alter table {} drop constraint {}").format(name, sql.Identifier(key))
        )
    yield True
    for key, definition in keys:
        warehouse.execute(
            sql.SQL("alter table {} add constraint {} {}").format(
                name, sql.Identifier(key), sql.SQL(definition)
            )
        )


KEYS = """
select conname, pg_get_constraintdef(oid)
from pg_constraint as keys
where
    conrelid = %s::regclass
    and contype in ('p', 'u')
    and not exists (
        select from pg_constraint as foreign_keys
        where foreign_keys.confrelid = keys.conrelid and foreign_keys.conindid = keys.conindid
            and foreign_keys.contype = 'f'
    )
"""

"""Rows of a customer who was merged into another one go on under the surviving id.

>>> follow_merges(  # doctest: +SKIP
...     connection, sql.Identifier("activation", "ledger"),
...     key=("destination", "segment"), one_per=("destination", "segment"),
... )
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

_ALWAYS = sql.SQL("true")
_RENAME = """
update {table} as old set customer_id = renamed.customer_id
from (
    select distinct on ({one_per}, alias.customer_id)
        {key}, merged.customer_id as old_id, alias.customer_id
    from {table} as merged
    inner join identity.aliases as alias
        on alias.alias_id = merged.customer_id and alias.customer_id <> alias.alias_id
    where {only}
        and not exists (
            select from {table} as survivor
            where {same} and survivor.customer_id = alias.customer_id and {blocked_by}
        )
    order by {one_per}, alias.customer_id, {key}, merged.customer_id
) as renamed
where {is_renamed} and old.customer_id = renamed.old_id
"""


def follow_merges(
    connection: psycopg.Connection,
    table: sql.Identifier,
    *,
    key: Sequence[str],
    one_per: Sequence[str],
    only: sql.Composable = _ALWAYS,
    blocked_by: sql.Composable = _ALWAYS,
) -> None:
    """Rename `customer_id` in the rows of `table` that stand under a former id.

    `key` names the other columns of the primary key, and `one_per` those within which a customer
    has one row: where the survivor has a row there already, the old one keeps its id. `only` is a
    condition on `merged`, the row to rename; `blocked_by` one on `survivor`, the row in its way.
    """
    connection.execute(
        sql.SQL(_RENAME).format(
            table=table,
            key=_columns("merged", key),
            one_per=_columns("merged", one_per),
            only=only,
            same=_equal("survivor", "merged", one_per),
            blocked_by=blocked_by,
            is_renamed=_equal("old", "renamed", key),
        )
    )


def _columns(alias: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)


def _equal(left: str, right: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(left, name), sql.Identifier(right, name))
        for name in names
    )

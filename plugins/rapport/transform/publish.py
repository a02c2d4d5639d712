"""Publication: one transaction that copies changed rows from the built to the published tables.

A reader sees either the last run or this run, never a mixture. A model is published if its
configuration has `meta: {publish: <schema>, key: [<columns>]}`. `indexes: [<expressions>]` adds
indexes for looking up single rows.

>>> publish(run_id=run_id, as_of=as_of)  # doctest: +SKIP
{'marts.dim_customers': {'changed': 21, 'deleted': 0}, ...}
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import tenacity
from psycopg import sql

from rapport import faults, warehouse
from rapport.errors import ConfigError, RetryLater
from rapport.settings import load_settings
from rapport.transform import dbt
from rapport.transform.graph import Graph
from rapport.transform.outdated import STATES
from rapport.warehouse import locks
from rapport.warehouse.counted_rows import COUNT_NOW

LOCK_TIMEOUT = "10s"
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True)
class Published:
    """A table to publish: `built` is the (schema, name) of its source, `key` its primary key."""

    built: tuple[str, str]
    schema: str
    name: str
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()

    @property
    def published(self) -> tuple[str, str]:
        """The (schema, name) of the published table."""
        return self.schema, self.name

    @property
    def source(self) -> sql.Identifier:
        """The built table."""
        return sql.Identifier(*self.built)

    @property
    def target(self) -> sql.Identifier:
        """The published table."""
        return sql.Identifier(*self.published)


def published_tables(graph: Graph) -> list[Published]:
    """The tables to publish, sorted by name; raises `ConfigError` for a table without a key."""
    tables = []
    for node in graph.nodes.values():
        meta = node.config.meta
        if node.resource_type != "model" or meta.get("publish") is None:
            continue
        key = tuple(meta.get("key", ()))
        if not key:
            raise ConfigError(
                f"model {node.name}: it is published but has no key. Add `key` to its meta."
            )
        name = node.alias or node.name
        indexes = tuple(meta.get("indexes", ()))
        tables.append(Published((node.schema, name), meta["publish"], name, key, indexes))
    return sorted(tables, key=lambda table: (table.schema, table.name))


def publish(
    *, run_id: str, as_of: datetime, tables: Sequence[Published] | None = None
) -> dict[str, dict[str, int]]:
    """Publish the built tables; returns the changed and deleted rows of this run by table.

    Publishing again moves nothing. If readers hold a lock, it tries five times and waits at most
    `LOCK_TIMEOUT` each time. Then it raises `RetryLater`.
    """
    if tables is None:
        graph, _ = dbt.project(load_settings(), as_of)
        tables = published_tables(graph)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(BUSY),
        stop=tenacity.stop_after_attempt(5),
        wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    with warehouse.connect(autocommit=True, application_name="publish") as connection:
        try:
            return retrying(_publish, connection, run_id, as_of, tables)
        except BUSY:
            raise RetryLater(
                "publish: a reader holds a published table locked for too long. End its "
                "transaction, which pg_stat_activity shows, and run again."
            ) from None


def _publish(
    connection: psycopg.Connection[Any],
    run_id: str,
    as_of: datetime,
    tables: Sequence[Published],
) -> dict[str, dict[str, int]]:
    with connection.transaction():
        connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
        locks.take_turn(connection, "publish")
        connection.execute(
            "insert into ops.publications (run_id, as_of) values (%s, %s) on conflict (run_id)"
            " do update set published_at = clock_timestamp()",
            (run_id, as_of),
        )
        for table in tables:
            rows, changed, deleted = _rows_as_before(connection, table), 0, 0
            if rows is None:
                rows, changed, deleted = _move(connection, table)
            if changed or deleted:
                connection.execute(sql.SQL("analyze {}").format(table.target))
            faults.point("publish.table")
            connection.execute(
                """
                insert into ops.published_tables as earlier values (%s, %s, %s, %s, %s)
                on conflict (run_id, table_name) do update
                set rows = excluded.rows, changed = earlier.changed + excluded.changed,
                    deleted = earlier.deleted + excluded.deleted
                """,
                (run_id, f"{table.schema}.{table.name}", rows, changed, deleted),
            )
    # Until then, Postgres has not counted the rows that were just written.
    connection.execute(COUNT_NOW)
    for table in tables:
        connection.execute(NOTE_PUBLISHED, (_states(connection, table), table.name))
    return _counts(connection, run_id)


def _states(connection: psycopg.Connection[Any], table: Published) -> str | None:
    """The states of the built and the published table."""
    row = connection.execute(
        TABLE_STATES, [[f"{schema}.{name}" for schema, name in (table.built, table.published)]]
    ).fetchone()
    return str(row[0]) if row and row[0] else None


def _rows_as_before(connection: psycopg.Connection[Any], table: Published) -> int | None:
    """The rows of a published table if it and the built one are as after the last publication."""
    row = connection.execute(
        LAST_PUBLISHED, (table.name, f"{table.schema}.{table.name}", _states(connection, table))
    ).fetchone()
    return int(row[0]) if row else None


def _counts(connection: psycopg.Connection[Any], run_id: str) -> dict[str, dict[str, int]]:
    rows = connection.execute(
        "select table_name, changed, deleted from ops.published_tables"
        " where run_id = %s order by table_name",
        (run_id,),
    )
    return {name: {"changed": changed, "deleted": deleted} for name, changed, deleted in rows}


def _columns(connection: psycopg.Connection[Any], schema: str, name: str) -> dict[str, str]:
    rows = connection.execute(
        """
        select attname, format_type(atttypid, atttypmod)
        from pg_attribute
        where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))
            and attnum > 0 and not attisdropped
        order by attnum
        """,
        (schema, name),
    )
    return dict(rows.fetchall())


def _move(connection: psycopg.Connection[Any], table: Published) -> tuple[int, int, int]:
    """Make a published table equal to the built one; returns its rows, the changed, the deleted."""
    built = _columns(connection, *table.built)
    if not built:
        raise ConfigError(
            f"publish: the table {'.'.join(table.built)} is not built. Run `rapport dbt build` for "
            "it."
        )
    published = _columns(connection, table.schema, table.name)
    if published != built:
        published = _reshape(connection, table, built, published)
    _comment(connection, table, built)
    _index(connection, table)
    names = sql.SQL(", ").join(map(sql.Identifier, built))
    same_key = sql.SQL(" and ").join(
        sql.SQL("built.{0} = published.{0}").format(sql.Identifier(column)) for column in table.key
    )
    deleted = connection.execute(
        sql.SQL(
            "delete from {} as published where not exists (select from {} as built where {})"
        ).format(table.target, table.source, same_key)
    ).rowcount
    values = [column for column in built if column not in table.key]
    update = (
        sql.SQL("when matched and ({}) is distinct from ({}) then update set {}").format(
            _qualified("published", values),
            _qualified("built", values),
            sql.SQL(", ").join(
                sql.SQL("{0} = built.{0}").format(sql.Identifier(column)) for column in values
            ),
        )
        if values
        else sql.SQL("")
    )
    changed = connection.execute(
        sql.SQL(
            "merge into {} as published using {} as built on {} {} "
            "when not matched then insert ({}) values ({})"
        ).format(
            table.target,
            table.source,
            same_key,
            update,
            names,
            _qualified("built", list(built)),
        )
    ).rowcount
    counted = connection.execute(sql.SQL("select count(*) from {}").format(table.target)).fetchone()
    return counted[0] if counted else 0, changed, deleted


def _qualified(relation: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(relation, column) for column in columns)


def _reshape(
    connection: psycopg.Connection[Any],
    table: Published,
    built: dict[str, str],
    published: dict[str, str],
) -> dict[str, str]:
    """Give the published table the built table's columns; returns them.

    New columns at the end are added. For any other difference the table is created again.
    """
    kept = list(built.items())[: len(published)]
    if published and kept == list(published.items()):
        for column, kind in list(built.items())[len(published) :]:
            connection.execute(
                sql.SQL("alter table {} add column {} {}").format(
                    table.target,
                    sql.Identifier(column),
                    sql.SQL(kind),
                )
            )
        return built
    connection.execute(
        sql.SQL("create schema if not exists {}").format(sql.Identifier(table.schema))
    )
    try:
        connection.execute(sql.SQL("drop table if exists {}").format(table.target))
    except psycopg.errors.DependentObjectsStillExist:
        raise ConfigError(
            f"publish: the columns of {table.schema}.{table.name} have changed, but a view depends "
            "on the table. Drop the view, run again, and create the view again."
        ) from None
    connection.execute(
        sql.SQL("create table {} (like {}, primary key ({}))").format(
            table.target, table.source, sql.SQL(", ").join(map(sql.Identifier, table.key))
        )
    )
    if "customer_id" in built and table.key != ("customer_id",):
        connection.execute(sql.SQL("create index on {} (customer_id)").format(table.target))
    return built


def _index(connection: psycopg.Connection[Any], table: Published) -> None:
    """Create the declared indexes that are missing. Their names derive from their expressions."""
    for expression in table.indexes:
        digest = hashlib.sha256(expression.encode()).hexdigest()[:8]
        connection.execute(
            sql.SQL("create index if not exists {} on {} ({})").format(
                sql.Identifier(f"{table.name}_{digest}"), table.target, sql.SQL(expression)
            )
        )


def _comment(connection: psycopg.Connection[Any], table: Published, built: dict[str, str]) -> None:
    """Copy the descriptions of table and columns, which BI tools show, where they differ."""
    rows = connection.execute(
        """
        select description.objsubid, description.description
        from pg_description as description
        where description.objoid = to_regclass(format('%%I.%%I', %s::text, %s::text))
            and description.classoid = 'pg_class'::regclass
        except
        select description.objsubid, description.description
        from pg_description as description
        where description.objoid = to_regclass(format('%%I.%%I', %s::text, %s::text))
            and description.classoid = 'pg_class'::regclass
        """,
        (*table.built, table.schema, table.name),
    ).fetchall()
    numbers = dict(enumerate(built, start=1))
    for number, text in rows:
        what = sql.SQL("table {}").format(table.target)
        if number:
            column = sql.Identifier(table.schema, table.name, numbers[number])
            what = sql.SQL("column {}").format(column)
        connection.execute(sql.SQL("comment on {} is {}").format(what, sql.Literal(text)))


TABLE_STATES = f"""
select string_agg(state, ', ' order by name)
from ({STATES}) as states (name, identity, state)
having count(*) = 2
"""  # noqa: S608 - our own text

LAST_PUBLISHED = """
select tables.rows
from ops.published_tables as tables
inner join ops.publications using (run_id)
inner join ops.built_models as models on models.model = %s
where tables.table_name = %s and models.published = %s
order by publications.published_at desc
limit 1
"""

NOTE_PUBLISHED = "update ops.built_models set published = %s where model = %s"

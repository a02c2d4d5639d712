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
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import tenacity
from psycopg import sql

from rapport import faults, warehouse
from rapport.errors import ConfigError, RetryLater
from rapport.paths import var_dir
from rapport.warehouse import locks

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
    def source(self) -> sql.Identifier:
        """The built table."""
        return sql.Identifier(*self.built)

    @property
    def target(self) -> sql.Identifier:
        """The published table."""
        return sql.Identifier(self.schema, self.name)


class _Config(msgspec.Struct):
    meta: dict[str, Any] = {}
    enabled: bool = True


class _Node(msgspec.Struct):
    name: str
    resource_type: str
    schema: str
    alias: str | None = None
    config: _Config = msgspec.field(default_factory=_Config)


class _Manifest(msgspec.Struct):
    nodes: dict[str, _Node]


def manifest_path() -> Path:
    """The path of dbt's manifest, which describes the project."""
    return var_dir() / "dbt" / "target" / "manifest.json"


def published_tables(path: Path | None = None) -> list[Published]:
    """The tables to publish, sorted by name; raises `ConfigError` for a table without a key."""
    nodes = msgspec.json.decode((path or manifest_path()).read_bytes(), type=_Manifest).nodes
    tables = []
    for node in nodes.values():
        schema = node.config.meta.get("publish")
        if node.resource_type != "model" or schema is None:
            continue
        key = tuple(node.config.meta.get("key", ()))
        if not key:
            raise ConfigError(
                f"model {node.name}: it is published but has no key. Add `key` to its meta."
            )
        name = node.alias or node.name
        indexes = tuple(node.config.meta.get("indexes", ()))
        tables.append(Published((node.schema, name), schema, name, key, indexes))
    return sorted(tables, key=lambda table: (table.schema, table.name))


def publish(
    *, run_id: str, as_of: datetime, tables: Sequence[Published] | None = None
) -> dict[str, dict[str, int]]:
    """Publish the built tables; returns the changed and deleted rows of this run by table.

    Publishing again moves nothing. If readers hold a lock, it tries five times and waits at most
    `LOCK_TIMEOUT` each time. Then it raises `RetryLater`.
    """
    tables = published_tables() if tables is None else tables
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
            changed, deleted = _move(connection, table)
            faults.point("publish.table")
            connection.execute(
                sql.SQL(
                    """
                    insert into ops.published_tables as earlier
                    select %s, %s, count(*), %s, %s from {}
                    on conflict (run_id, table_name) do update
                    set rows = excluded.rows, changed = earlier.changed + excluded.changed,
                        deleted = earlier.deleted + excluded.deleted
                    """
                ).format(table.target),
                (run_id, f"{table.schema}.{table.name}", changed, deleted),
            )
        return _counts(connection, run_id)


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


def _move(connection: psycopg.Connection[Any], table: Published) -> tuple[int, int]:
    """Make a published table equal to the built one; returns rows changed and rows deleted."""
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
    return changed, deleted


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

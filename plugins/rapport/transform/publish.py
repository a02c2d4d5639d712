"""Publication: one transaction that moves what changed from the built tables to the published ones.

A reader sees the last night whole or tonight whole. A model is published if its configuration
says `meta: {publish: <schema>, key: [<columns>]}`; `indexes: [<expressions>]` are for who looks up
single rows.

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
    """A built table and where it goes."""

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
    """Where dbt leaves what it knows about the project."""
    return var_dir() / "dbt" / "target" / "manifest.json"


def published_tables(path: Path | None = None) -> list[Published]:
    """The tables that are to be published, sorted; raises `ConfigError` for one without a key."""
    nodes = msgspec.json.decode((path or manifest_path()).read_bytes(), type=_Manifest).nodes
    tables = []
    for node in nodes.values():
        schema = node.config.meta.get("publish")
        if node.resource_type != "model" or schema is None:
            continue
        key = tuple(node.config.meta.get("key", ()))
        if not key:
            raise ConfigError(f"model {node.name}: published, so its meta needs a `key`.")
        name = node.alias or node.name
        indexes = tuple(node.config.meta.get("indexes", ()))
        tables.append(Published((node.schema, name), schema, name, key, indexes))
    return sorted(tables, key=lambda table: (table.schema, table.name))


def publish(
    *, run_id: str, as_of: datetime, tables: Sequence[Published] | None = None
) -> dict[str, dict[str, int]]:
    """Publish tonight's tables; what is published already moves nothing, and counts add up.

    Waits for readers that hold a lock, at most `LOCK_TIMEOUT` a try and five tries.
    Raises `RetryLater` after that.
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
                "publish: a reader holds a published table for too long. "
                "End its transaction (pg_stat_activity shows it) and run again."
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
                    insert into ops.published_tables as tonight
                    select %s, %s, count(*), %s, %s from {}
                    on conflict (run_id, table_name) do update
                    set rows = excluded.rows, changed = tonight.changed + excluded.changed,
                        deleted = tonight.deleted + excluded.deleted
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
    """Bring a published table to the built one; returns rows changed and rows deleted."""
    built = _columns(connection, *table.built)
    if not built:
        raise ConfigError(
            f"publish: {'.'.join(table.built)} is not built. Run `rapport dbt build` for it."
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
    """Give the published table the built one's columns: added ones are added, else made anew."""
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
            f"publish: the columns of {table.schema}.{table.name} changed, and a view depends on "
            "it. Drop the view, publish, and create it again."
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
    """Make the declared indexes that are missing; their names follow from what they index."""
    for expression in table.indexes:
        digest = hashlib.sha256(expression.encode()).hexdigest()[:8]
        connection.execute(
            sql.SQL("create index if not exists {} on {} ({})").format(
                sql.Identifier(f"{table.name}_{digest}"), table.target, sql.SQL(expression)
            )
        )


def _comment(connection: psycopg.Connection[Any], table: Published, built: dict[str, str]) -> None:
    """Carry over the descriptions that a BI tool shows, where they differ."""
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

"""The unit tests of a segment: its SQL over rows of its YAML, under the login for segments.

They have the form of dbt's unit tests (https://docs.getdbt.com/docs/build/unit-tests), but dbt
would run them as the owner of the warehouse.

>>> with Reader(as_of) as reader:  # doctest: +SKIP
...     list(run(reader, segment))
[Outcome(name='any_unsolved_conversation_holds_promotion_back', passed=True, problem='')]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.reading import Reader
from rapport.activation.segments.rendering import published_schemas, render, source_of
from rapport.errors import ConfigError
from rapport.paths import project_root
from rapport.transform.segment_files import FOLDER, read_yaml

AS_OF = datetime.fromisoformat("2026-03-31T03:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one unit test; `problem` is what differs, or why it could not run."""

    name: str
    passed: bool
    problem: str = ""


def run(reader: Reader, segment: Segment) -> Iterator[Outcome]:
    """Every unit test of the segment's YAML; its marts must be published, for their columns."""
    path = project_root() / FOLDER / f"{segment.model}.yml"
    _, content = read_yaml(path)
    for test in content.get("unit_tests", ()):
        try:
            yield _outcome(reader, segment, test)
        except (ConfigError, psycopg.Error) as error:
            yield Outcome(test["name"], passed=False, problem=str(error))


def _outcome(reader: Reader, segment: Segment, test: Mapping[str, Any]) -> Outcome:
    moment = test.get("overrides", {}).get("vars", {}).get("as_of")
    as_of = datetime.fromisoformat(moment) if moment else AS_OF
    schemas = published_schemas()
    given = {_named(one["input"]): one for one in test["given"]}
    query = render(source_of(segment), as_of, schemas)
    tables = []
    for name, one in given.items():
        if name not in schemas:
            raise ConfigError(f"{name} is not published. A segment reads marts only.")
        query = query.replace(f'"{schemas[name]}"."{name}"', f'"given_{name}"')
        mart = sql.SQL("(table {}) as model").format(sql.Identifier(schemas[name], name))
        rows = _rows(one, _types(reader, mart))
        tables.append(sql.SQL("{} as ({})").format(sql.Identifier(f"given_{name}"), rows))
    if '"marts' in query:
        raise ConfigError("the test gives no rows for a mart that the segment reads.")
    model = sql.SQL("(with {} select * from (\n{}\n) as model) as model").format(
        sql.SQL(", ").join(tables), sql.SQL(query)
    )
    types = _types(reader, model)
    expected = test["expect"]
    wanted = [*dict.fromkeys(name for row in _listed(expected) for name in row)] or ["customer_id"]
    columns = sql.SQL(", ").join(map(sql.Identifier, wanted))
    statement = sql.SQL(
        "with actual as (select {columns} from {model}), expected as ({rows}) "
        "select count(*) filter (where kind = 'missing'), count(*) filter (where kind = 'extra')"
        " from (select 'missing' as kind from (table expected except all table actual) as a"
        " union all select 'extra' from (table actual except all table expected) as b) as differing"
    ).format(
        columns=columns, model=model, rows=_rows(expected, {name: types[name] for name in wanted})
    )
    missing, extra = reader.ask(statement).fetchone() or (0, 0)
    problem = ""
    if missing or extra:
        problem = f"{missing} expected rows are missing, {extra} are too many"
    return Outcome(test["name"], passed=not problem, problem=problem)


def _named(given: str) -> str:
    return given.removeprefix("ref('").removesuffix("')")


def _listed(rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    return rows["rows"] if isinstance(rows["rows"], list) else []


def _types(reader: Reader, model: sql.Composed) -> dict[str, str]:
    answer = reader.ask(sql.SQL("select * from {} limit 0").format(model))
    columns = [(column.name, column.type_code) for column in answer.description or ()]
    names = reader.ask(
        sql.SQL("select oid::bigint, oid::regtype::text from pg_type where oid = any({})").format(
            [code for _, code in columns]
        )
    )
    kinds = dict(names.fetchall())
    return {name: kinds[code] for name, code in columns}


def _rows(given: Mapping[str, Any], types: Mapping[str, str]) -> sql.Composable:
    """Rows of values with the types of their columns; columns that a row does not name are null."""
    if isinstance(given["rows"], str):
        return sql.SQL(given["rows"])
    unknown = {name for row in given["rows"] for name in row} - types.keys()
    if unknown:
        raise ConfigError(f"there is no column {', '.join(sorted(unknown))}.")
    selects = [
        sql.SQL("select {}").format(
            sql.SQL(", ").join(
                sql.SQL("{}::{} as {}").format(row.get(name), sql.SQL(kind), sql.Identifier(name))
                for name, kind in types.items()
            )
        )
        for row in given["rows"]
    ]
    none = sql.SQL("select {} where false").format(
        sql.SQL(", ").join(
            sql.SQL("null::{} as {}").format(sql.SQL(kind), sql.Identifier(name))
            for name, kind in types.items()
        )
    )
    return sql.SQL(" union all ").join(selects) if selects else none

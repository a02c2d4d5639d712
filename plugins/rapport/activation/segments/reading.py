"""Reading a segment: its SQL runs under a login that can read marts and nothing else.

The rows are copied from the session of that login to the session of the owner. Nothing that the SQL
of a segment calls runs as the owner.

>>> with Reader(as_of) as reader:  # doctest: +SKIP
...     reader.columns(segment)
{'customer_id': 'string', 'score': 'integer'}
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.rendering import published_schemas, render, source_of
from rapport.errors import ConfigError
from rapport.transform.segment_files import FOLDER
from rapport.warehouse import segment_login

_KINDS = {
    "bool": "boolean",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "numeric": "float",
    "float4": "float",
    "float8": "float",
    "date": "date",
    "timestamptz": "datetime",
}


class Reader:
    """Reads segments as of a time; the session begins with the first statement.

    `sql_of` gives the SQL of a segment, by default that of its file.
    """

    def __init__(self, as_of: datetime, sql_of: Callable[[Segment], str] | None = None) -> None:
        self._schemas = cache(published_schemas)
        self._as_of = as_of
        self._sql_of = sql_of or self._of_file
        self._session: psycopg.Connection[Any] | None = None
        self._segment = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.close()

    @property
    def session(self) -> psycopg.Connection[Any]:
        """The session of the login; raises `ConfigError` where it cannot connect."""
        if self._session is None or self._session.closed:
            self._session = segment_login.connect()
        return self._session

    def ask(self, question: sql.Composed) -> psycopg.Cursor[Any]:
        """Run one statement: a prepared statement cannot contain several."""
        return self.session.execute(question, prepare=True)

    def columns(self, segment: Segment) -> dict[str, str]:
        """The columns that the SQL gives, with the kind that destinations get."""
        self._begin(segment)
        question = sql.SQL("select * from {} limit 0").format(self._model(segment))
        with _named(segment, question):
            answer = self.ask(question)
        types = self.session.adapters.types
        found = {}
        for column in answer.description or ():
            known = types.get(column.type_code)
            found[column.name] = _KINDS.get(known.name if known else "", "string")
        return found

    def copy(
        self, segment: Segment, selected: sql.Composable, to: psycopg.Connection[Any], table: str
    ) -> None:
        """Copy the expressions `selected` of each row into a table of another session."""
        out = sql.SQL("copy (select {} from {}) to stdout").format(selected, self._model(segment))
        into = sql.SQL("copy {} from stdin").format(sql.Identifier(table))
        with (
            _named(segment, out),
            self.session.cursor().copy(out) as source,
            to.cursor().copy(into) as target,
        ):
            for block in source:
                target.write(block)

    def _begin(self, segment: Segment) -> None:
        """Begin a session per segment: settings that one makes must not reach the next."""
        if self._session is not None and segment.key != self._segment:
            self._session.close()
        self._segment = segment.key

    def _model(self, segment: Segment) -> sql.Composed:
        return sql.SQL("(\n{}\n) as model").format(sql.SQL(self._sql_of(segment)))

    def _of_file(self, segment: Segment) -> str:
        path = f"{FOLDER}/{segment.model}.sql"
        return render(source_of(segment), self._as_of, self._schemas(), path)


@contextmanager
def _named(segment: Segment, statement: sql.Composed) -> Iterator[None]:
    """Turn an error of Postgres in a segment's SQL into one with its file and line."""
    try:
        yield
    except psycopg.Error as error:
        before = statement.as_string()[: int(error.diag.statement_position or 1) - 1]
        line = max(before.count("\n"), 1)
        raise ConfigError(f"{FOLDER}/{segment.model}.sql:{line}: {error}") from None

"""Errors of the warehouse without values of rows, because errors end up in logs and tracebacks.

Postgres quotes values in the detail and the context of an error, and for data that it cannot read
in the message itself. The rest stays: what is wrong, with which table or constraint.

>>> Cursor.__mro__[1] is psycopg.Cursor
True
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.rows import Row

DATA_EXCEPTION = "22"


class Cursor(psycopg.Cursor[Row]):
    """A cursor whose errors quote no value."""

    def execute(self, *arguments: Any, **options: Any) -> Self:
        """As psycopg's."""
        with without_values():
            return super().execute(*arguments, **options)

    def executemany(self, *arguments: Any, **options: Any) -> None:
        """As psycopg's."""
        with without_values():
            super().executemany(*arguments, **options)

    @contextmanager
    def copy(self, *arguments: Any, **options: Any) -> Iterator[psycopg.Copy]:
        """As psycopg's."""
        with without_values(), super().copy(*arguments, **options) as copy:
            yield copy


@contextmanager
def without_values() -> Iterator[None]:
    """Keep only those parts of a server's error message that cannot hold a value."""
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary
        if (error.sqlstate or "").startswith(DATA_EXCEPTION):
            message = f"data that Postgres refuses ({error.sqlstate})"
        if message:
            error.args = (message,)
        raise

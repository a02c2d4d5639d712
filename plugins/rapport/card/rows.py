"""Runs a query and returns its rows as parts of the card.

>>> rows(connection, Profile, "select ...", {"id": "c_1"})  # doctest: +SKIP
[Profile(source='postbox', ...)]
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row, dict_row
from pydantic import BaseModel

Connection = psycopg.Connection[Any]
Model = TypeVar("Model", bound=BaseModel)


def rows(
    connection: Connection, model: type[Model], query: str, params: Mapping[str, Any]
) -> list[Model]:
    """The rows as models. Each column must have the name of a field."""
    with connection.cursor(row_factory=class_row(model)) as cursor:
        return cursor.execute(query, params).fetchall()


def one(connection: Connection, query: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The only row as a dictionary; empty if there is none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, params).fetchone() or {}

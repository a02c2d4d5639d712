"""Whether a table exists: dbt makes most tables in the first run, so some may be missing.

>>> is_there(connection, "marts.data_status")  # doctest: +SKIP
True
"""

from typing import Any

import psycopg
from psycopg.rows import tuple_row


def is_there(connection: psycopg.Connection[Any], table: str) -> bool:
    """Whether the warehouse has a table or view of this name, with its schema."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute("select to_regclass(%s) is not null", [table]).fetchone()
    return bool(found and found[0])

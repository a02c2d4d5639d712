"""The columns that the SQL of each segment gave last: the table `segments.columns`.

Destinations that keep types need them for their fields.

>>> column_types(connection, segment)  # doctest: +SKIP
{'customer_id': 'string', 'score': 'integer'}
"""

from collections.abc import Mapping

import psycopg

from rapport.activation.segments.declarations import Segment


def column_types(connection: psycopg.Connection, segment: Segment) -> dict[str, str]:
    """The kind of each column in the last good evaluation, by name."""
    rows = connection.execute(
        "select column_name, kind from segments.columns where segment = %s", (segment.key,)
    )
    return dict(rows.fetchall())


def keep_columns(
    connection: psycopg.Connection, segment: Segment, types: Mapping[str, str]
) -> None:
    """Replace the columns of a segment."""
    connection.execute("delete from segments.columns where segment = %s", (segment.key,))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into segments.columns values (%s, %s, %s)",
            [(segment.key, *column) for column in types.items()],
        )

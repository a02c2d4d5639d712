"""Raw records without a vendor: what a load would have left in the warehouse.

>>> land(connection, "hubspot__contacts", {"1": {"id": 1}}, as_of=NIGHT)  # doctest: +SKIP
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb
from tests.mapped import lander

from rapport.identity import normalise
from rapport.landing.raw_tables import create_table
from rapport.settings import Settings
from rapport.vendors.reading.problems import Unreadable

from .payloads import RECORDS

NIGHT = datetime(2026, 3, 31, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)

Connection = psycopg.Connection[Any]


def land(
    connection: Connection,
    table: str,
    records: dict[str, Any],
    as_of: datetime,
    settings: Settings | None = None,
) -> None:
    """Land records by key as the newest versions, in one finished load."""
    source, stream = table.split("__", 1)
    create_table(connection, source, stream)
    landed = lander(table, settings)
    row = connection.execute(
        "insert into raw.loads (run_id, source, stream, as_of, finished_at, read, landed)"
        " values ('test', %s, %s, %s, now(), %s, %s) returning load_id",
        (source, stream, as_of, len(records), len(records)),
    ).fetchone()
    assert row is not None
    name = sql.Identifier("raw", table)
    connection.execute(
        sql.SQL("update {} set is_latest = false where record_key = any(%s)").format(name),
        (list(records),),
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            sql.SQL("insert into {} values (%s, %s, sha256(%s), %s, %s, %s, true, false)").format(
                name
            ),
            [
                (key, Jsonb(payload), key.encode(), row[0], as_of, as_of)
                for key, payload in readable(records, landed)
            ],
        )


def readable(
    records: dict[str, Any], landed: Callable[[str, Any], Any]
) -> Iterator[tuple[str, Any]]:
    """The payloads of records without those that a load would reject."""
    for key, record in records.items():
        with contextlib.suppress(Unreadable):
            yield key, landed(key, json.loads(json.dumps(record)))


def land_the_company(connection: Connection) -> None:
    """All hand-made payloads, as one night."""
    for table, (records, key) in RECORDS.items():
        land(connection, table, {str(record[key]): record for record in records}, NIGHT)


def know_everybody(connection: Connection) -> None:
    """Normal forms, and customers by equal app user ids, else one a profile.

    The resolver decides better, elsewhere.
    """
    normalise(run_id="test", as_of=NIGHT, connection=connection)
    connection.execute("truncate identity.members")
    connection.execute(
        """
        insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
        select
            profile_id,
            coalesce(min(identifier_value) filter (where identifier_type = 'user_id'), profile_id),
            %s,
            row_number() over (order by profile_id),
            0
        from intermediate.int_identifiers_unioned
        group by profile_id
        """,
        (NIGHT,),
    )
    connection.execute("analyze identity.members")

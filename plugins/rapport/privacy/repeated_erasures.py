"""Repeats all erasures on a warehouse that was restored from a backup, before anybody reads it.

>>> replay(connection, at=now)  # doctest: +SKIP
{'tombstones': 31, 'people': 2, 'records': 0}
"""

from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from rapport.landing import person_references, tombstones
from rapport.landing.raw_tables import table_of
from rapport.privacy import requests
from rapport.privacy.erase import erase

Connection = psycopg.Connection[Any]


def replay(connection: Connection, *, at: datetime) -> dict[str, int]:
    """Erase everybody who has a tombstone, without calling the destinations; returns the counts."""
    recovered = tombstones.recover(connection)
    customers = [row[0] for row in connection.execute(ERASED_CUSTOMERS)]
    for customer in customers:
        request = requests.request(connection, "erase", customer, at=at)
        erase(connection, request, at=at, call_destinations=False)
    return {
        "tombstones": recovered,
        "people": len(customers),
        "records": _delete_erased_records(connection),
    }


def delete_referring_records(connection: Connection) -> int:
    """Delete the records that refer to a record that did not land because of a tombstone.

    Returns how many records were deleted.
    """
    new = connection.execute(
        "select exists (select from privacy.tombstones where not is_followed)"
    ).fetchone()
    if new != (True,):
        return 0
    with connection.transaction():
        deleted = _delete_erased_records(connection)
        connection.execute("update privacy.tombstones set is_followed = true")
        return deleted


def _delete_erased_records(connection: Connection) -> int:
    return sum(
        _delete_records(connection, source, stream)
        for source, stream in person_references.streams()
        if _exists(connection, source, stream)
    )


def _exists(connection: Connection, source: str, stream: str) -> bool:
    row = connection.execute(
        "select to_regclass(%s) is not null", (table_of(source, stream).as_string(),)
    ).fetchone()
    return bool(row and row[0])


def _delete_records(connection: Connection, source: str, stream: str) -> int:
    """Delete the records of a stream that have a tombstone or refer to one."""
    namespace = sql.Literal(person_references.record_namespace(source, stream))
    conditions = [person_references.is_buried(namespace, sql.SQL("record_key"))]
    conditions += [one.buried for one in person_references.references(source, stream)]  # type: ignore[misc]
    return connection.execute(
        sql.SQL("delete from {} where {}").format(
            table_of(source, stream), sql.SQL(" or ").join(conditions)
        )
    ).rowcount


ERASED_CUSTOMERS = sql.SQL("""
select distinct members.customer_id
from identity.members
where {}
order by 1
""").format(
    person_references.is_buried(
        sql.SQL("split_part(profile_id, ':', 1) || ':' || split_part(profile_id, ':', 2)"),
        sql.SQL("regexp_replace(profile_id, '^[^:]*:[^:]*:', '')"),
    )
)

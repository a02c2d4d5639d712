"""Compares the vendor's record count per stream and day with what landed, to find gaps.

>>> from datetime import UTC
>>> [day.isoformat() for day, _ in days(datetime(2026, 3, 31, 3, tzinfo=UTC))]
['2026-03-28T00:00:00+00:00', '2026-03-29T00:00:00+00:00', '2026-03-30T00:00:00+00:00']
"""

from datetime import datetime, timedelta

import psycopg
from psycopg import sql

from rapport.landing.raw_tables import table_of
from rapport.vendors.http import Client
from rapport.vendors.source import Stream

DAYS = 3
DAY = timedelta(days=1)


def days(as_of: datetime) -> list[tuple[datetime, datetime]]:
    """Start and end of the last `DAYS` whole days (UTC) before `as_of`, the earliest first."""
    today = as_of.replace(hour=0, minute=0, second=0, microsecond=0)
    return [(today - number * DAY, today - (number - 1) * DAY) for number in range(DAYS, 0, -1)]


def first_gap(
    connection: psycopg.Connection, source: str, stream: Stream, client: Client, as_of: datetime
) -> datetime | None:
    """Write the counts of the last days to `raw.completeness`; returns the first day with a gap.

    A gap is a day (UTC) for which the vendor counts more records than landed. Fewer are normal:
    most vendors leave out deleted and archived records, which stay in the raw table.
    """
    gaps = []
    for start, end in days(as_of):
        at_vendor = stream.count(client, start, end)
        if at_vendor is None:
            continue
        landed = _landed(connection, source, stream, start, end)
        _write(connection, source, stream.name, start, at_vendor, landed)
        if at_vendor > landed:
            gaps.append(start)
    return min(gaps, default=None)


def _landed(
    connection: psycopg.Connection, source: str, stream: Stream, start: datetime, end: datetime
) -> int:
    """Count the landed records of the day. None of them can have landed before the day began."""
    assert stream.counted is not None
    query = sql.SQL("""
        select count(*) filter (
            where case
                when moment ~ '^[0-9]{{9,11}}$' then to_timestamp(moment::bigint) >= %(start)s
                    and to_timestamp(moment::bigint) < %(end)s
                when pg_input_is_valid(moment, 'timestamptz') then moment::timestamptz >= %(start)s
                    and moment::timestamptz < %(end)s
            end
        )
        from {table}, lateral (select payload #>> %(path)s as moment) as counted
        where is_latest and first_as_of >= %(start)s
    """).format(table=table_of(source, stream.name))
    values = {"start": start, "end": end, "path": stream.counted.split(".")}
    row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def _write(
    connection: psycopg.Connection,
    source: str,
    stream: str,
    day: datetime,
    at_vendor: int,
    landed: int,
) -> None:
    connection.execute(
        """
        insert into raw.completeness (source, stream, day, at_vendor, landed)
        values (%s, %s, %s, %s, %s)
        on conflict (source, stream, day) do update
        set at_vendor = excluded.at_vendor, landed = excluded.landed,
            checked_at = clock_timestamp()
        """,
        (source, stream, day.date(), at_vendor, landed),
    )

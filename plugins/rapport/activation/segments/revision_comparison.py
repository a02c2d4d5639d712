"""Comparing a segment with its file at another git revision, on the same data.

>>> compare(reader, segment, "main", as_of)  # doctest: +SKIP
{"segment": "payment_failed", "revision": "main", "before": 40, "after": 44, "joins": 6, ...}
"""

from datetime import datetime
from typing import Any

from psycopg import sql

from rapport.activation.segments.declarations import Segment
from rapport.activation.segments.reading import Reader
from rapport.activation.segments.rendering import published_schemas, render, source_of

SAMPLE = 5


def compare(reader: Reader, segment: Segment, revision: str, as_of: datetime) -> dict[str, Any]:
    """Members by the current file and by the file at `revision`, with samples of ids."""
    schemas = published_schemas()
    now = render(source_of(segment), as_of, schemas)
    then = render(source_of(segment, revision), as_of, schemas)
    row = reader.ask(
        sql.SQL(
            """
                with after as (select customer_id from ({now}) as here),
                before as (select customer_id from ({then}) as there),
                paired as (
                    select coalesce(after.customer_id, before.customer_id) as customer_id,
                        after.customer_id is not null as is_after,
                        before.customer_id is not null as is_before
                    from after full join before on after.customer_id = before.customer_id
                )
                select
                    count(*) filter (where is_before),
                    count(*) filter (where is_after),
                    count(*) filter (where is_after and not is_before),
                    count(*) filter (where is_before and not is_after),
                    (array_agg(customer_id order by customer_id)
                        filter (where is_after and not is_before))[1:{sample}],
                    (array_agg(customer_id order by customer_id)
                        filter (where is_before and not is_after))[1:{sample}]
                from paired
                """
        ).format(now=sql.SQL(now), then=sql.SQL(then), sample=SAMPLE)
    ).fetchone()
    assert row is not None
    before, after, joins, leaves, joining, leaving = row
    return {
        "segment": segment.key,
        "revision": revision,
        "as_of": as_of,
        "before": before,
        "after": after,
        "joins": joins,
        "leaves": leaves,
        "joining": joining or [],
        "leaving": leaving or [],
    }

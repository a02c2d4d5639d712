"""The comment step of a run: judges new comments and deletes the results of deleted ones.

>>> read(as_of=as_of)  # doctest: +SKIP
{'read': 41, 'forgotten': 2}
"""

from datetime import datetime
from typing import Any

import psycopg

from rapport import warehouse

BATCH = 5000
UNREAD = """
    select distinct on (comments.text_hash) comments.text_hash, comments.comment
    from intermediate.int_comments_unioned as comments
    where not exists (
        select from comments.judgements as known
        where known.text_hash = comments.text_hash and known.judged_by = %s
    )
"""


def read(*, as_of: datetime, connection: psycopg.Connection[Any] | None = None) -> dict[str, int]:
    """Judge the new comments in one transaction; returns how many were judged and deleted.

    A comment is also judged again if `VERSION` of the method has changed.
    """
    if connection is None:
        with warehouse.connect(application_name="comments") as own:
            return read(as_of=as_of, connection=own)
    with connection.transaction():
        deleted = connection.execute(
            "delete from comments.judgements as known where not exists ("
            " select from intermediate.int_comments_unioned as comments"
            " where comments.text_hash = known.text_hash)"
        ).rowcount
        return {"read": _judge(connection, as_of), "forgotten": deleted}


def _judge(connection: psycopg.Connection[Any], as_of: datetime) -> int:
    from rapport.comments.sentiment import VERSION, judge

    count = 0
    with (
        connection.cursor(name="unread") as unread,
        connection.cursor() as writer,
    ):
        unread.execute(UNREAD, (VERSION,))
        while rows := unread.fetchmany(BATCH):
            writer.executemany(
                "insert into comments.judgements values (%s, %s, %s, %s, %s, %s, %s, %s)"
                " on conflict (text_hash) do update set language = excluded.language,"
                " sentiment = excluded.sentiment, compound = excluded.compound,"
                " abstained_because = excluded.abstained_because, is_idea = excluded.is_idea,"
                " judged_by = excluded.judged_by, judged_as_of = excluded.judged_as_of",
                [(hash, *judge(text), VERSION, as_of) for hash, text in rows],
            )
            count += len(rows)
    if count:
        connection.execute("analyze comments.judgements")
    return count

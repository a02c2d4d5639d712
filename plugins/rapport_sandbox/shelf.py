"""A simple store for the records of doubles, by vendor, kind and id.

>>> import sqlite3
>>> shelf = Shelf(sqlite3.connect(":memory:"), "postbox")
>>> shelf.put("members", "m1", {"status": "subscribed"})
>>> shelf.get("members", "m1")
{'status': 'subscribed'}
"""

import sqlite3
from collections.abc import Iterator

from fastapi import Request, Response

from rapport_sandbox.call_gate import Refusal, Refused, gate_of
from rapport_sandbox.store import Json, as_text, decode, stream_rows

SCHEMA = (
    "create table if not exists shelf (vendor text not null, kind text not null, id text not null,"
    " body text not null, primary key (vendor, kind, id)) without rowid"
)


class Shelf:
    """The records of one vendor."""

    def __init__(self, database: sqlite3.Connection, vendor: str) -> None:
        self.database, self.vendor = database, vendor
        database.execute(SCHEMA)

    def get(self, kind: str, id: str) -> Json | None:
        sql = "select body from shelf where vendor = ? and kind = ? and id = ?"
        row = self.database.execute(sql, (self.vendor, kind, id)).fetchone()
        return decode(row[0]) if row else None

    def put(self, kind: str, id: str, body: Json) -> None:
        sql = "insert or replace into shelf values (?, ?, ?, ?)"
        self.database.execute(sql, (self.vendor, kind, id, as_text(body)))

    def drop(self, kind: str, id: str) -> bool:
        """Delete a record; returns whether it existed."""
        sql = "delete from shelf where vendor = ? and kind = ? and id = ?"
        return self.database.execute(sql, (self.vendor, kind, id)).rowcount > 0

    def list(self, kind: str) -> Iterator[tuple[str, Json]]:
        """The ids and records of a kind, sorted by id. For `*`, of all kinds, with `kind/id`."""
        if kind == "*":
            sql = "select kind || '/' || id, body from shelf where vendor = ? order by kind, id"
            rows = stream_rows(self.database, sql, (self.vendor,))
        else:
            sql = "select id, body from shelf where vendor = ? and kind = ? order by id"
            rows = stream_rows(self.database, sql, (self.vendor, kind))
        return ((id, decode(body)) for id, body in rows)

    def count(self, kind: str) -> int:
        sql = "select count(*) from shelf where vendor = ? and kind = ?"
        number: int = self.database.execute(sql, (self.vendor, kind)).fetchone()[0]
        return number


def shelf_of(request: Request, vendor: str) -> Shelf:
    return Shelf(gate_of(request).database, vendor)


def refuse_said_no(
    request: Request, vendor: str, id: str, response: Response | None = None
) -> None:
    """Record a violation: a payload is about somebody who has unsubscribed at this vendor.

    Raises Refused with `response` if the vendor would refuse the payload.
    """
    gate_of(request).violation(vendor, "unsubscribed", request, contact_id=id)
    if response is not None:
        raise Refused(response)


async def json_body(request: Request, refusal: Refusal) -> Json:
    """The body as a JSON object; raises Refused with the vendor's 400 if it is not one."""
    try:
        body = decode(await request.body())
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(refusal(400, "the body must be a JSON object"))
    return body

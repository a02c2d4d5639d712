"""Acquire: contacts, and cases with their messages and feedbacks.

https://developer.acquire.io/rest-apis/conversation/conversation-or-cases/list
https://developer.acquire.io/rest-apis/customer/untitled (list of contacts)

A list knows filters, a limit and no order, so it is walked by id: each call asks for ids above the
last one. That is only right while pages ascend, so a page that does not, or that comes again, stops
the pull. `dateUpdated` is null until a record changes, and a null falls out of every window: each
night asks once for what was updated since the last and once for what was created since. The two
lists have different envelopes: `data.list` and `data.data`. There is no tombstone: the sweep walks
the ids of all contacts. The vendor knows no limit, so we keep one of our own.

Assumed, where the documentation is silent: conditions and relations are repeated parameters, of
which all hold; `gt` and `gte` compare as `eq` does; a message and a feedback move `dateUpdated`
within the day (`lag`); pages come in the order of the id.

>>> [stream.name for stream in Acquire().streams()]
['contacts', 'cases']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.acquire import VENDOR
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Client
from rapport.vendors.pace import Pace
from rapport.vendors.source import Page, Position, Record, Source, Stream

LARGEST_PAGE = 100
CALLS_A_SECOND = 5.0


class Identified(msgspec.Struct):
    id: int


@dataclass(frozen=True, kw_only=True)
class Objects(Stream):
    """One kind of object: all of them once, then what was updated or created since.

    The position is {"after": id, "began": time} during a walk of everything, then {"cursor": time}.
    """

    envelope: str
    relations: tuple[str, ...]
    cursor: str | None = None
    lag: timedelta = timedelta(days=1)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        since = self.since(position)
        if isinstance(since, datetime):
            yield from self._changed(client, since)
            yield Page((), position={"cursor": as_of.isoformat()})
            return
        began = (position or {}).get("began") or as_of.isoformat()
        for records, last in self._walk(client, [], (position or {}).get("after", 0)):
            yield Page(records, position={"after": last, "began": began})
        yield Page((), position={"cursor": began})

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The ids of everything that is there."""
        for records, _ in self._walk(client, [], 0, select="id"):
            yield [self.read_key(record).key for record in records]

    def _changed(self, client: Client, since: datetime) -> Iterator[Page]:
        seen: set[int] = set()
        for column in ("dateUpdated", "dateCreated"):
            moment = f"{since:%Y-%m-%dT%H:%M:%S}.000Z"
            for records, _ in self._walk(client, [f"{column}|gte|{moment}"], 0):
                yield Page([r for r in records if _id(r) is None or _id(r) not in seen])
                seen.update(id for record in records if (id := _id(record)) is not None)

    def _walk(
        self, client: Client, conditions: Sequence[str], after: int, select: str | None = None
    ) -> Iterator[tuple[Sequence[Record], int]]:
        """Pages in ascending order of the id, each with its last id."""
        path = f"/api/v1/crm/objects/{self.name.removesuffix('s')}"
        answer = _answer(self.envelope)
        while True:
            params: dict[str, Any] = {
                "limit": LARGEST_PAGE,
                "where": [*conditions, f"id|gt|{after}"],
                **({"select": select} if select else {"relations": list(self.relations)}),
            }
            records = client.json("GET", path, params=params, type=answer).data.records
            if not records:
                return
            ids = [id for record in records if (id := _id(record)) is not None]
            if not ids or ids != sorted(set(ids)) or ids[0] <= after:
                raise GiveUp(
                    f"{client.name} {self.name}: pagination loop, ids do not go on from {after}. "
                    "What was committed stays; run again, and tell the vendor if it repeats."
                )
            after = ids[-1]
            yield records, after


def _id(record: Record) -> int | None:
    """None for what has none: it is rejected when it lands."""
    try:
        return msgspec.json.decode(record, type=Identified).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _answer(envelope: str) -> Any:
    """The shape of a page, whose records stand below `data` under a name of the list's own."""
    inner = msgspec.defstruct(
        "Data", [("records", list[msgspec.Raw])], rename={"records": envelope}
    )
    return msgspec.defstruct("Answer", [("data", inner)])


class Acquire(Source):
    """Chat, e-mail and phone desk."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Objects(name="contacts", envelope="list", relations=("fields", "company"), sweep=True),
            Objects(name="cases", envelope="data", relations=("contact", "messages", "feedbacks")),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection),
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
            pace=Pace(CALLS_A_SECOND, 1.0),
        )

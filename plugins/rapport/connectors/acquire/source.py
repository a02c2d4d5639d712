"""Acquire: contacts, and cases with their messages and feedbacks.

https://developer.acquire.io/rest-apis/conversation/conversation-or-cases/list
https://developer.acquire.io/rest-apis/customer/untitled (list of contacts)

A list accepts filters and a limit, but no order. So it is read by id: each call asks for ids above
the last one. This is correct only if pages ascend, so a page that does not ascend, or that repeats,
stops the load. `dateUpdated` is null until a record changes, and a filter by time leaves out nulls.
So each run asks once for records updated since the last run and once for records created since. The
two lists have different envelopes: `data.list` and `data.data`. The API does not report deletions,
so the sweep reads the ids of all contacts. The vendor states no rate limit, so this source sets its
own.

Assumed, where the documentation is silent: conditions and relations are repeated parameters, all of
which apply; `gt` and `gte` compare as `eq` does; a message and a feedback change `dateUpdated`
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
    """One kind of object: all of them once, then those updated or created since.

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
        """The ids of all objects."""
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
        """The pages in ascending order of the id, each with its last id."""
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
    """The id; None if the record has none, in which case the load rejects it."""
    try:
        return msgspec.json.decode(record, type=Identified).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _answer(envelope: str) -> Any:
    """The type of a page, whose records are below `data` under a name that depends on the list."""
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

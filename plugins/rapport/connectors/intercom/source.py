"""Intercom: contacts, and conversations with their parts and ratings.

https://developers.intercom.com/docs/references/rest-api/api.intercom.io (version 2.14)

A search for contacts compares dates by calendar day in the workspace's time zone: "greater than t"
begins at the next midnight. So a load starts two days before the watermark (`lag`), and records
that are already stored are not stored again. A search never returns a contact that was merged into
another, so the sweep reads the whole list. The parts of a conversation come only with the
conversation itself, in one call for each conversation, limited to the 500 newest parts.

Assumed, where the documentation is silent: the call for a deleted conversation returns 404, and a
search shows a change within the hour.

>>> [stream.name for stream in Intercom().streams()]
['contacts', 'conversations']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.intercom import VENDOR
from rapport.errors import BadRecord
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Record, Source, Stream

VERSION = "2.14"
LARGEST_PAGE = 150
GONE = 404


class Next(msgspec.Struct):
    starting_after: str | None = None


class Pages(msgspec.Struct):
    next: Next | None = None


class Found(msgspec.Struct):
    pages: Pages | None = None
    total_count: int = 0
    data: list[msgspec.Raw] = []
    conversations: list[msgspec.Raw] = []

    @property
    def after(self) -> str | None:
        return self.pages.next.starting_after if self.pages and self.pages.next else None


@dataclass(frozen=True, kw_only=True)
class Searched(Stream):
    """Records found by a search by `updated_at`, in no particular order."""

    cursor: str | None = "updated_at"
    cursor_type: type[datetime] | type[int] = int
    counted: str | None = "created_at"

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        since = self.since(position)
        start = max(0, since) if isinstance(since, int) else 0
        for found in self._search(client, [("updated_at", ">", start)]):
            yield Page(self._whole(client, found.data or found.conversations))

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The total of a search by time of creation.

        Both operators are documented as "or equal". If they were not, the count would be too low,
        not too high.
        """
        between = [
            ("created_at", ">", int(start.timestamp())),
            ("created_at", "<", int(end.timestamp()) - 1),
        ]
        return next(self._search(client, between)).total_count

    def _search(self, client: Client, conditions: list[tuple[str, str, int]]) -> Iterator[Found]:
        tokens = PageTokens(f"{client.name} {self.name}")
        filters = [
            {"field": field, "operator": operator, "value": str(value)}
            for field, operator, value in conditions
        ]
        paging: dict[str, Any] = {"per_page": LARGEST_PAGE}
        while True:
            body = {"query": {"operator": "AND", "value": filters}, "pagination": paging}
            found = client.json("POST", f"/{self.name}/search", json=body, type=Found)
            yield found
            if found.after is None:
                return
            paging["starting_after"] = tokens.check(found.after)

    def _whole(self, client: Client, records: Sequence[Record]) -> Sequence[Record]:
        """The records in the form in which they are stored."""
        return records


@dataclass(frozen=True, kw_only=True)
class Contacts(Searched):
    """People, users and leads. There is no count, because the search knows calendar days only."""

    lag: timedelta = timedelta(days=2)
    sweep: bool = True
    counted: str | None = None

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """The ids of all contacts on the list, which leaves out merged and deleted ones."""
        tokens = PageTokens(f"{client.name} {self.name}")
        params: dict[str, Any] = {"per_page": LARGEST_PAGE}
        while True:
            found = client.json("GET", "/contacts", params=params, type=Found)
            yield [self.read_key(record).key for record in found.data]
            if found.after is None:
                return
            params["starting_after"] = tokens.check(found.after)


@dataclass(frozen=True, kw_only=True)
class Conversations(Searched):
    """Conversations, each requested on its own, because a search leaves out the parts."""

    lag: timedelta = timedelta(hours=1)

    def _whole(self, client: Client, records: Sequence[Record]) -> Sequence[Record]:
        whole: list[Record] = []
        for record in records:
            try:
                path = f"/conversations/{self.read_key(record).key}"
            except BadRecord:
                whole.append(record)
                continue
            answer = client.request("GET", path, ok=(GONE,), check=_is_json)
            if answer.status != GONE:
                whole.append(answer.content)
        return whole


def _is_json(answer: Answer) -> None:
    answer.json(dict[str, msgspec.Raw])


class Intercom(Source):
    """Messaging and support."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [Contacts(name="contacts"), Conversations(name="conversations")]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.intercom.io"),
            name=connection.name,
            headers={
                "Authorization": f"Bearer {connection.password}",
                "Intercom-Version": VERSION,
                "Accept": "application/json",
            },
        )

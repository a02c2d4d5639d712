"""Zendesk: tickets with their metrics, users and events by export, ratings and deletions.

https://developer.zendesk.com/api-reference/ticketing/ticket-management/incremental_exports/

The export's own cursor is the position. The export leaves out the last minute on purpose and
returns it the next time. Deleted tickets have the status `deleted`, deleted users `active` false.

Metrics come with the tickets, as `metric_set` (`include=metric_sets`). The list of metrics has no
filter for changes and leaves out archived tickets (closed for 120 days), so it is not read any
more; what earlier versions loaded of it stays.
https://developer.zendesk.com/documentation/ticketing/using-the-zendesk-api/side_loading/

Comments, public or internal, and changes of the status are child events of the export of ticket
events. This needs one call for a thousand events, while the list of comments needs one call for
each ticket. That export is paged by time, in seconds, and returns the events in the last second of
a page twice. The list of deleted tickets has no filter and is read completely; deleted tickets stay
on it for 30 days.

Which SLA policy a ticket has, with its targets, stands in the metric events of type `apply_sla`;
events of other types are left out. Schedules come with their holidays. A plan without SLA policies
or schedules answers 404, or 403 to a login that may read tickets, and then there are none.
https://developer.zendesk.com/documentation/ticketing/reference-guides/ticket-metric-event-types-reference/

Assumed, where the documentation is silent: `start_time` of the ratings compares the time of
creation, and a rating is given or changed within 30 days of the offer (`lag`).

>>> [stream.name for stream in Zendesk().streams()]
['tickets', 'users', 'ticket_events', 'ticket_metric_events', 'schedules', 'ticket_metrics', \
'satisfaction_ratings', 'deleted_tickets']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakSet

import msgspec

from rapport.connectors.zendesk import VENDOR
from rapport.connectors.zendesk.login import open_client
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Source, Stream, with_context

LARGEST_EXPORT, LARGEST_PAGE = 1000, 100
# Clients whose login was taken for the export: to them, a 403 says what the plan does not have.
_WELCOME: WeakSet[Client] = WeakSet()


class Meta(msgspec.Struct):
    has_more: bool
    after_cursor: str | None = None


@dataclass(frozen=True)
class Export(Stream):
    """Changed records, by the cursor of the export. `include` names what is loaded with them."""

    include: str | None = None

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        tokens = PageTokens(f"{client.name} {self.name}")
        cursor = position and position.get("after_cursor")
        if cursor:
            tokens.check(cursor)
        answer = _answer(self.name, after_cursor=(str | None, None), end_of_stream=bool)
        while True:
            where = {"cursor": cursor} if cursor else {"start_time": 0}
            params = {"per_page": LARGEST_EXPORT, **where}
            if self.include:
                params["include"] = self.include
            path = f"/api/v2/incremental/{self.name}/cursor"
            page = client.json("GET", path, params=params, type=answer)
            _WELCOME.add(client)
            after = page.after_cursor or cursor
            yield Page(page.records, position={"after_cursor": after} if after else None)
            if page.end_of_stream:
                return
            cursor = tokens.check(_required(page.after_cursor, client, path))


@dataclass(frozen=True)
class Events(Stream):
    """Events of tickets, including comments, in the order of their time."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        start = int((position or {}).get("end_time", 0))
        answer = _answer(self.name, end_time=(int | None, None), end_of_stream=(bool, False))
        while True:
            page = self.ask(client, start, answer)
            if page is None:
                return
            end = page.end_time if page.end_time is not None else start
            yield Page(self.kept(page.records), position={"end_time": max(start, end)})
            if page.end_of_stream or not page.records:
                return
            if end <= start:
                raise GiveUp(
                    f"{client.name} {self.name}: pagination loop, the export does not go on from "
                    f"second {start}. What was committed stays; run again, and tell the vendor."
                )
            start = end

    def ask(self, client: Client, start: int, answer: Any) -> Any:
        """A page from a second on; None if the plan has no such export."""
        params = {"start_time": start, "include": "comment_events"}
        return client.json("GET", f"/api/v2/incremental/{self.name}", params=params, type=answer)

    def kept(self, records: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        """The records of a page that land."""
        return records


class _Kind(msgspec.Struct):
    type: str | None = None


@dataclass(frozen=True)
class Applications(Events):
    """SLA policies that were applied to tickets, in the order of their time."""

    def ask(self, client: Client, start: int, answer: Any) -> Any:
        path = f"/api/v2/incremental/{self.name}"
        return _optional(client, path, answer, params={"start_time": start})

    def kept(self, records: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        kinds = msgspec.json.Decoder(_Kind)
        return [record for record in records if kinds.decode(record).type == "apply_sla"]


@dataclass(frozen=True)
class Schedules(Stream):
    """Opening hours of the desk, each schedule with its holidays."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        path = "/api/v2/business_hours/schedules"
        listed = _optional(client, path, _answer(self.name))
        for record in listed.records if listed else ():
            key = self.read_key(record).key
            closed = _optional(client, f"{path}/{key}/holidays", _answer("holidays"))
            days = closed.records if closed else []
            yield Page([with_context(record, {"holidays": days})])


@dataclass(frozen=True)
class List(Stream):
    """A list in cursor pages: complete or, if it has its own cursor, from `start_time`."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        tokens = PageTokens(f"{client.name} {self.name}")
        params: dict[str, Any] = {"page[size]": LARGEST_PAGE}
        since = self.since(position)
        if isinstance(since, datetime):
            params["start_time"] = max(0, int(since.timestamp()))
        answer = _answer(self.name, meta=Meta)
        path = f"/api/v2/{self.name}"
        while True:
            page = client.json("GET", path, params=params, type=answer)
            yield Page(page.records)
            if not page.meta.has_more:
                return
            params["page[after]"] = tokens.check(_required(page.meta.after_cursor, client, path))


def _answer(records: str, **fields: Any) -> Any:
    """The type of a page, whose records are below the name of the stream."""
    members: list[Any] = [("records", list[msgspec.Raw])]
    for name, kind in fields.items():
        members.append((name, *kind) if isinstance(kind, tuple) else (name, kind))
    return msgspec.defstruct("Answer", members, rename={"records": records}, kw_only=True)


def _optional(client: Client, path: str, answer: Any, **options: Any) -> Any:
    """An answer of that type; None if the desk's plan does not have it."""
    absent = (404, 403) if client in _WELCOME else (404,)
    found: list[Any] = []

    def check(got: Answer) -> None:
        found[:] = [None if got.status in absent else got.json(answer)]

    client.request("GET", path, ok=absent, check=check, **options)
    return found[0]


def _required(token: str | None, client: Client, path: str) -> str:
    if not token:
        raise GiveUp(
            f"{client.name}: {path} says that there is more and gives no cursor to go on from. "
            "What was committed stays; run again, and tell the vendor if it repeats."
        )
    return token


class Zendesk(Source):
    """Support desk."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Export(name="tickets", include="metric_sets"),
            Export(name="users"),
            Events(name="ticket_events"),
            Applications(name="ticket_metric_events"),
            Schedules(name="schedules"),
            List(name="ticket_metrics", enabled=False),
            List(name="satisfaction_ratings", cursor="updated_at", lag=timedelta(days=30)),
            List(name="deleted_tickets"),
        ]

    def client(self, connection: Connection) -> Client:
        return open_client(connection)

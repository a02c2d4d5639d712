"""Stripe: customers, subscriptions, invoices and charges, kept up to date by its events.

https://docs.stripe.com/api

A list has no filter for changes, so it is read once, newest first. From then on, the events since
the last run say which objects changed, and each is read in its present state; a deleted object says
so itself. Stripe keeps events for 30 days, so after a longer gap the list is read again.

Assumed, where the documentation is silent: an event shows within the hour (`lag`). The version is
pinned to the last one in which a charge names its invoice.

>>> [stream.name for stream in Stripe().streams()]
['customers', 'subscriptions', 'invoices', 'charges']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from rapport.connectors.stripe import VENDOR
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Record, Source, Stream

VERSION = "2024-06-20"
LARGEST_PAGE = 100
KEPT = timedelta(days=29)
GONE = 404


class Found(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool = False


class Identified(msgspec.Struct):
    id: str
    object: str = ""


class Data(msgspec.Struct):
    object: Identified


class Event(msgspec.Struct):
    id: str
    data: Data


@dataclass(frozen=True, kw_only=True)
class Objects(Stream):
    """One kind of object: the whole list once, then the objects that events name.

    The position is {"walked_to": id, "since": unix seconds} during the first walk, then {"since"}.
    """

    events: str
    asked: Mapping[str, str]
    lag: timedelta = timedelta(hours=1)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        now = int(as_of.timestamp())
        position = position or {}
        since = int(position.get("since", 0))
        is_walking = "walked_to" in position or not since
        if is_walking or as_of - datetime.fromtimestamp(since, as_of.tzinfo) > KEPT:
            since = since if "walked_to" in position else now
            yield from self._walk(client, position.get("walked_to"), since)
        if since < now:
            yield from self._changed(client, since - int(self.lag.total_seconds()))
        yield Page((), position={"since": max(since, now)})

    def _walk(self, client: Client, after: str | None, since: int) -> Iterator[Page]:
        for found, last in self._listed(client, f"/v1/{self.name}", dict(self.asked), after):
            yield Page(found.data, position={"walked_to": last, "since": since} if last else None)

    def _changed(self, client: Client, since: int) -> Iterator[Page]:
        kind, seen = self.name.removesuffix("s"), set[str]()
        asked = {"type": self.events, "created[gte]": str(since)}
        for found, _ in self._listed(client, "/v1/events", asked, None):
            events = [msgspec.json.decode(record, type=Event) for record in found.data]
            changed = [e.data.object.id for e in events if e.data.object.object == kind]
            fresh = [key for key in dict.fromkeys(changed) if key not in seen]
            seen.update(fresh)
            yield Page(list(self._read(client, fresh)))

    def _read(self, client: Client, keys: Sequence[str]) -> Iterator[Record]:
        for key in keys:
            answer = client.request("GET", f"/v1/{self.name}/{key}", ok=(GONE,), check=_is_object)
            if answer.status != GONE:
                yield answer.content

    def _listed(
        self, client: Client, path: str, asked: dict[str, str], after: str | None
    ) -> Iterator[tuple[Found, str | None]]:
        """The pages of a list, each with the id of its last object."""
        tokens = PageTokens(f"{client.name} {self.name}")
        while True:
            start = {"starting_after": tokens.check(after)} if after else {}
            params = {"limit": LARGEST_PAGE, **asked, **start}
            found = client.json("GET", path, params=params, type=Found)
            last = msgspec.json.decode(found.data[-1], type=Identified).id if found.data else None
            yield found, last
            if not found.has_more:
                return
            if last is None:
                raise GiveUp(f"{client.name}: {path} says that there is more and gives nothing.")
            after = last


def _is_object(answer: Answer) -> None:
    if answer.status != GONE:
        answer.json(Identified)


class Stripe(Source):
    """Billing."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Objects(name="customers", events="customer.*", asked={}),
            # Without a status the list leaves out cancelled subscriptions.
            Objects(
                name="subscriptions", events="customer.subscription.*", asked={"status": "all"}
            ),
            Objects(name="invoices", events="invoice.*", asked={}),
            Objects(name="charges", events="charge.*", asked={}),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.stripe.com"),
            name=connection.name,
            headers={
                "Authorization": f"Bearer {connection.password}",
                "Stripe-Version": VERSION,
            },
        )

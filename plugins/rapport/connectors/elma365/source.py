"""ELMA365 Service: contacts and requests from the apps that rapport.yml names.

https://api.elma365.com/en/public-api/reference/app/applist/
Filters: https://api.elma365.com/en/public-api/guides/Filter

The names of the workspace (namespace), the app and its fields differ in every installation, so they
are options. Their values are added in front of the record as `rapport`; the rest is stored as sent:

    sources:
      elma365:
        contacts: {namespace: crm, code: clients, fields: {user_id: shop_login, birth_date: born}}
        requests: {namespace: service, code: requests, closed: [3], fields: {rating: csi}}

Every call is a POST, and a 200 with `success: false` is a failure. Items come in the order of
`__updatedAt`. Each query starts at the last time that was seen, and only items that share this time
are paged by number. So an item that changes during the load hides no other item. Deleted items are
read in a second pass, with `active: false`, by `__deletedAt`.

Assumed, where the documentation is silent: a filter's `min` is inclusive; `active: false` may list
everything, so only items with `__deletedAt` are taken from it; a change shows within the hour
(`lag`). The vendor documents no rate limit, so calls are few and sequential.

>>> [stream.name for stream in Elma365().streams()]
['contacts', 'requests']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.elma365 import VENDOR
from rapport.connectors.elma365.apps import App, ContactApp, Options, RequestApp, name_of, texts_of
from rapport.errors import BadRecord, ConfigError, GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Client
from rapport.vendors.options import validated
from rapport.vendors.source import (
    Nothing,
    Page,
    Position,
    Record,
    Rejected,
    Source,
    Stream,
    with_context,
)

LARGEST_PAGE = 100


class Found(msgspec.Struct):
    result: list[msgspec.Raw] = []


class Listed(msgspec.Struct):
    """A page; `success` false is a failure regardless of the status."""

    success: bool
    result: Found | None = None

    def __post_init__(self) -> None:
        if not self.success:
            raise ValueError("success is false")


@dataclass(frozen=True, kw_only=True)
class Items(Stream):
    """The changed items of one app, then the deleted ones.

    The position is {"cursor": time of the last change, "deleted": time up to which deletions are
    read}.
    """

    app: App
    key: tuple[str, ...] = ("__id",)
    cursor: str | None = None
    lag: timedelta = timedelta(hours=1)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = dict(position or {})
        known.setdefault("deleted", known.get("cursor"))
        since_deleted = self.since({"cursor": known["deleted"]})
        for records, last in self._walk(client, "__updatedAt", self.since(position)):
            if last is not None:
                known["cursor"] = min(last, as_of).isoformat()
            yield self._page(records, known)
        for records, _ in self._walk(client, "__deletedAt", since_deleted, is_active=False):
            yield self._page([r for r in records if _time(r, "__deletedAt") is not None], known)
        yield Page((), position={**known, "deleted": as_of.isoformat()})

    def meant(self, item: dict[str, Any]) -> dict[str, Any]:
        """The values of the fields that the options name, under our names."""
        raise NotImplementedError

    def _walk(
        self, client: Client, field: str, start: datetime | int | None, is_active: bool = True
    ) -> Iterator[tuple[list[Record], datetime | None]]:
        """Pages in ascending order of a time, each with the last time in it."""
        offset, seen = 0, set[bytes]()
        while True:
            body: dict[str, Any] = {
                "active": is_active,
                "from": offset,
                "size": LARGEST_PAGE,
                "sortExpressions": [{"field": name, "ascending": True} for name in (field, "__id")],
            }
            if isinstance(start, datetime):
                body["filter"] = {"tf": {field: {"min": start.isoformat()}}}
            page = client.json("POST", f"{self.app.path}/list", json=body, type=Listed)
            found = page.result.result if page.result else []
            last = max((at for r in found if (at := _time(r, field)) is not None), default=None)
            yield [record for record in found if bytes(record) not in seen], last
            if len(found) < LARGEST_PAGE:
                return
            if offset and all(bytes(record) in seen for record in found):
                raise GiveUp(f"{client.name} {self.name}: pagination loop, a page came twice.")
            seen = {bytes(record) for record in found}
            is_further = last is not None and (not isinstance(start, datetime) or last > start)
            start, offset = (last, 0) if is_further else (start, offset + len(found))

    def _page(self, records: Sequence[Record], known: Position) -> Page:
        kept: list[Record] = []
        rejected: list[Rejected] = []
        for record in records:
            try:
                kept.append(with_context(record, {"rapport": self.meant(_decoded(record))}))
            except BadRecord as error:
                rejected.append(Rejected(bytes(record), str(error)))
        return Page(kept, position=dict(known), rejected=rejected)


@dataclass(frozen=True, kw_only=True)
class Contacts(Items):
    """People."""

    app: ContactApp

    def meant(self, item: dict[str, Any]) -> dict[str, Any]:
        fields = self.app.fields
        home = ("birth_date", "street", "postal_code", "region")
        return {
            "emails": texts_of(item.get(fields.email), "email"),
            "phones": texts_of(item.get(fields.phone), "tel"),
            "name": name_of(item.get(fields.name)),
            "user_id": item.get(fields.user_id),
            **{name: item[code] for name in home if (code := getattr(fields, name)) in item},
        }


@dataclass(frozen=True, kw_only=True)
class Requests(Items):
    """Requests of contacts to the service desk."""

    app: RequestApp

    def meant(self, item: dict[str, Any]) -> dict[str, Any]:
        fields, status = self.app.fields, item.get("__status")
        number = status.get("status") if isinstance(status, dict) else status
        known = {"closed": self.app.closed, "pending": self.app.pending}
        return {
            "contacts": texts_of(item.get(fields.contact), "id"),
            "emails": texts_of(item.get(fields.email), "email"),
            "subject": item.get(fields.subject),
            "channel": item.get(fields.channel),
            "rating": item.get(fields.rating),
            "status": next((name for name, held in known.items() if number in held), "open"),
        }


def _decoded(record: Record) -> dict[str, Any]:
    try:
        return msgspec.json.decode(record, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        raise BadRecord("a record is not a JSON object") from None


def _time(record: Record, field: str) -> datetime | None:
    try:
        value = _decoded(record).get(field)
        return msgspec.convert(value, datetime) if value else None
    except (BadRecord, msgspec.ValidationError):
        return None


class Elma365(Source):
    """Service desk and CRM."""

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.apps = validated(Options, self.options, self.name)

    def streams(self) -> Sequence[Stream]:
        contacts, requests = self.apps.contacts, self.apps.requests
        return [
            Contacts(name="contacts", app=contacts) if contacts else Nothing(name="contacts"),
            Requests(name="requests", app=requests) if requests else Nothing(name="requests"),
        ]

    def client(self, connection: Connection) -> Client:
        if self.apps.contacts is None and self.apps.requests is None:
            raise ConfigError(
                "rapport.yml: sources.elma365: name the app of contacts or of requests, as in "
                "contacts: {namespace: crm, code: clients}."
            )
        return Client(
            base_url(connection),
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
        )

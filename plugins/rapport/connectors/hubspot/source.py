"""HubSpot: contacts, companies, deals and survey responses, including the recycle bin.

https://developers.hubspot.com/docs/api-reference/search/guide

A search returns at most 10,000 results, and its pages shift when a record changes. So searches are
not paged. Each search starts at the last modification time that was seen. If a whole page shares
one time, the records of that time are read by record id. So neither a change between two pages nor
a mass update with one time can hide a record, and the limit is never reached.

Assumed, where the documentation is silent: the search index shows a change within the hour
(`lag`); `hs_object_id` sorts and compares as a number; a record that is restored from the recycle
bin counts as modified. A merged or erased record disappears without an update; the sweep finds it.
A search does not return the contacts of a deal, and a new link does not change the deal's
modification time. So all links are read in each run.

>>> [stream.name for stream in HubSpot().streams()]
['contacts', 'companies', 'deals', 'feedback_submissions', 'deal_associations']
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.hubspot import VENDOR
from rapport.errors import BadRecord, ConfigError, GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.custom_fields import paths_of
from rapport.vendors.http import Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Nothing, Page, Position, Source, Stream

LARGEST_SEARCH, LARGEST_LIST = 200, 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
PROPERTIES = {
    "contacts": (
        "email hs_additional_emails firstname lastname phone mobilephone date_of_birth address"
        " zip city state country company jobtitle lifecyclestage hs_language app_user_id"
        " hs_email_optout createdate lastmodifieddate hs_merged_object_ids"
    ),
    "companies": "name domain country industry numberofemployees createdate hs_lastmodifieddate",
    "deals": "dealname amount deal_currency_code dealstage pipeline closedate createdate"
    " hs_lastmodifieddate",
    "feedback_submissions": "hs_survey_id hs_survey_name hs_survey_type hs_survey_channel hs_value"
    " hs_content hs_contact_id hs_submission_timestamp hs_createdate hs_lastmodifieddate",
}
OPTIONAL = ("feedback_submissions",)
CREATED = {"feedback_submissions": "hs_createdate"}


class Next(msgspec.Struct):
    after: str


class Paging(msgspec.Struct):
    next: Next | None = None


class Found(msgspec.Struct):
    results: list[msgspec.Raw]
    total: int | None = None
    paging: Paging | None = None

    @property
    def after(self) -> str | None:
        return self.paging.next.after if self.paging and self.paging.next else None


@dataclass(frozen=True, kw_only=True)
class Objects(Stream):
    """One kind of CRM object, loaded in the order of its modification times."""

    modified: str
    properties: Sequence[str]
    lag: timedelta = timedelta(hours=1)
    ordered: bool = True
    sweep: bool = True

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        since = self.since(position)
        yield from self._modified_since(client, since if isinstance(since, datetime) else EPOCH)
        for found in self._listed(client, self.properties, archived=True):
            yield Page(found.results)

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        """Everything that HubSpot still has. A record in the recycle bin still exists."""
        for archived in (False, True):
            for found in self._listed(client, ("hs_object_id",), archived=archived):
                yield [key for key, _ in self._read(found)]

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The total of a search by time of creation, without archived records."""
        assert self.counted is not None
        name = self.counted.rpartition(".")[2]
        conditions = [
            _where(name, "GTE", (start - EPOCH) // MILLISECOND),
            _where(name, "LT", (end - EPOCH) // MILLISECOND),
        ]
        return self._search(client, conditions, name).total

    def _modified_since(self, client: Client, since: datetime) -> Iterator[Page]:
        start = (since - EPOCH) // MILLISECOND
        seen: set[str] = set()
        while True:
            found = self._search(client, [_where(self.modified, "GTE", start)], self.modified)
            read = self._read(found)
            yield _without(found, read, seen)
            if found.after is None:
                return
            times = [time for _, time in read if time is not None]
            if not times or min(times) < start:
                raise self._loop(client)
            last = max(times)
            seen = {key for key, time in read if time == last} | (seen if last == start else set())
            if last == start:
                yield from self._sharing(client, start, seen)
                start, seen = start + 1, set()
            else:
                start = last

    def _sharing(self, client: Client, time: int, seen: set[str]) -> Iterator[Page]:
        last = 0
        while True:
            conditions = [_where(self.modified, "EQ", time), _where("hs_object_id", "GT", last)]
            found = self._search(client, conditions, "hs_object_id")
            read = self._read(found)
            yield _without(found, read, seen)
            if found.after is None:
                return
            keys = [int(key) for key, _ in read if key.isdigit()]
            if not keys or min(keys) <= last:
                raise self._loop(client)
            last = max(keys)

    def _search(self, client: Client, conditions: list[dict[str, str]], sort: str) -> Found:
        body = {
            "filterGroups": [{"filters": conditions}],
            "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
            "properties": list(self.properties),
            "limit": LARGEST_SEARCH,
            "after": "0",
        }
        path = f"/crm/v3/objects/{self.name}/search"
        found: Found = client.json("POST", path, json=body, type=Found)
        return found

    def _listed(
        self, client: Client, properties: Sequence[str], *, archived: bool
    ) -> Iterator[Found]:
        asked = {"archived": "true" if archived else "false", "properties": ",".join(properties)}
        return _list(client, self.name, asked)

    def _read(self, found: Found) -> list[tuple[str, int | None]]:
        """Key and modification time in milliseconds of each record; an empty key if unreadable."""
        read: list[tuple[str, int | None]] = []
        for record in found.results:
            try:
                fields = self.read_key(record)
            except BadRecord:
                read.append(("", None))
                continue
            time = fields.cursor
            at = (time - EPOCH) // MILLISECOND if isinstance(time, datetime) else None
            read.append((fields.key, at))
        return read

    def _loop(self, client: Client) -> GiveUp:
        return GiveUp(
            f"{client.name} {self.name}: pagination loop, the search does not go on from where it "
            "was told to. What was committed stays; run again, and tell the vendor if it repeats."
        )


@dataclass(frozen=True)
class Associations(Stream):
    """Every deal with its linked contacts and companies (the first ones of each kind that the
    vendor lists with a record, about a hundred)."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        asked = {"properties": "hs_object_id", "associations": "contacts,companies"}
        for found in _list(client, "deals", asked):
            yield Page(found.results)


def _list(client: Client, kind: str, asked: Mapping[str, str]) -> Iterator[Found]:
    tokens = PageTokens(f"{client.name} {kind}")
    params = {"limit": LARGEST_LIST, **asked}
    while True:
        found = client.json("GET", f"/crm/v3/objects/{kind}", params=params, type=Found)
        yield found
        if found.after is None:
            return
        params["after"] = tokens.check(found.after)


def _where(name: str, operator: str, value: int) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": str(value)}


def _without(found: Found, read: Sequence[tuple[str, int | None]], seen: set[str]) -> Page:
    """The records that this load has not returned yet."""
    pairs = zip(found.results, read, strict=True)
    return Page([record for record, (key, _) in pairs if not key or key not in seen])


class HubSpot(Source):
    """Option `properties`: further properties to load, `{contacts: [loyalty_tier]}`. Those of
    `custom_fields` are loaded automatically.

    Option `feedback_submissions: true` loads the responses to HubSpot's own surveys. The token
    needs the scope, and the account needs Service Hub.
    """

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.further: Mapping[str, Sequence[str]] = self.options.get("properties") or {}
        if unknown := set(self.further) - set(PROPERTIES):
            raise ConfigError(
                f"sources.hubspot.properties: no objects {', '.join(sorted(unknown))}. "
                f"There are: {', '.join(PROPERTIES)}."
            )

    def streams(self) -> Sequence[Stream]:
        streams: list[Stream] = []
        for name, properties in PROPERTIES.items():
            modified = "lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate"
            own = [path.removeprefix("properties.") for path in paths_of(self.options, name)]
            asked = [*properties.split(), *self.further.get(name, ()), *own]
            objects = Objects(
                name=name,
                cursor=f"properties.{modified}",
                modified=modified,
                counted=f"properties.{CREATED.get(name, 'createdate')}",
                properties=asked,
            )
            is_asked_for = name not in OPTIONAL or self.options.get(name) is True
            streams.append(objects if is_asked_for else Nothing(name=name))
        return [*streams, Associations(name="deal_associations")]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.hubapi.com"),
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
        )

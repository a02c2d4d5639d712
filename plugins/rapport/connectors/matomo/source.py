"""Matomo: visits with their actions, of whole days.

https://developer.matomo.org/api-reference/reporting-api#Live

The list is newest first and grows at its start, so numbered pages skip visits. This source reads a
day in the order of the last action, and each page starts at the last time that was seen
(`minTimestamp`). A day is a day in the site's time zone, and a visit belongs to the day of its last
action. A visit that continues after midnight comes again with the next day and replaces its earlier
version. Only complete days are requested, because Matomo returns today together with yesterday.

An error may come with status 200. The token is sent in the body, so that no server logs it.

Assumed, where the documentation is silent: a day is complete an hour after its end, except for
actions that a device sends late. For these, the day before is read again (`LATE`).

>>> [stream.name for stream in Matomo().streams()]
['visits']
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict

from rapport.connectors.matomo import VENDOR
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.options import validated
from rapport.vendors.pages_by_change import by_change
from rapport.vendors.source import Page, Position, Source, Stream

LARGEST_PAGE = 500
DAY, LATE = timedelta(days=1), timedelta(days=1)
SETTLED = timedelta(hours=1)


class Site(msgspec.Struct):
    timezone: str
    ts_created: str


class Visit(msgspec.Struct, rename="camel"):
    last_action_timestamp: int


class Error(msgspec.Struct):
    result: str


class Options(BaseModel):
    """The options. `start` is the first day; the default is the day before the site was created."""

    model_config = ConfigDict(extra="forbid")

    start: date | None = None
    custom_fields: Any = None
    default_region: Any = None


@dataclass(frozen=True, kw_only=True)
class Visits(Stream):
    """The visits of each day, by their last action."""

    start: date | None = None

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        found = _ask(client, "SitesManager.getSiteFromId", Site | list[Site])
        site = found[0] if isinstance(found, list) else found
        today = (as_of - SETTLED).astimezone(ZoneInfo(site.timezone)).date()
        day = self._first(position, site)
        while day < today:
            for page, _ in by_change(
                self._day(client, day), 0, LARGEST_PAGE, f"{client.name}: the visits of {day}"
            ):
                yield page
            yield Page((), position={"complete_until": day.isoformat()})
            day += DAY

    def _first(self, position: Position | None, site: Site) -> date:
        if position and position.get("complete_until"):
            return date.fromisoformat(position["complete_until"]) + DAY - LATE
        return self.start or datetime.fromisoformat(site.ts_created).date() - DAY

    def _day(self, client: Client, day: date) -> Any:
        def ask(since: int, number: int) -> tuple[list[bytes], list[int]]:
            after = {"minTimestamp": since - 1} if since else {}
            found = _ask(
                client,
                "Live.getLastVisitsDetails",
                list[msgspec.Raw],
                period="day",
                date=day.isoformat(),
                filter_sort_order="asc",
                filter_limit=LARGEST_PAGE,
                filter_offset=(number - 1) * LARGEST_PAGE,
                **after,
            )
            records = [bytes(record) for record in found]
            decoded = [msgspec.json.decode(record, type=Visit) for record in records]
            return records, [visit.last_action_timestamp for visit in decoded]

        return ask


def _ask(client: Client, method: str, type: Any, **params: Any) -> Any:
    decoded: list[Any] = []

    def check(answer: Answer) -> None:
        if answer.content.lstrip().startswith(b"{") and _is_error(answer):
            raise GiveUp(
                f"{client.name}: Matomo answers {method} with an error. Check that the token of "
                f'connection "{client.name}" may view the site, and that its visits log is not '
                "switched off."
            )
        decoded[:] = [answer.json(type)]

    body = {"module": "API", "method": method, "format": "json", **params}
    client.request("POST", "/index.php", data=body, check=check)
    return decoded[0]


def _is_error(answer: Answer) -> bool:
    try:
        return bool(answer.json(Error).result == "error")
    except msgspec.ValidationError:
        return False


class Login(httpx.Auth):
    """Adds the site and the token to the fields of a form."""

    requires_request_body = True

    def __init__(self, site: str, token: str) -> None:
        self._fields = urlencode({"idSite": site, "token_auth": token}).encode()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        headers = {k: v for k, v in request.headers.items() if k != "content-length"}
        yield httpx.Request(
            request.method,
            request.url,
            headers=headers,
            content=request.content + b"&" + self._fields,
            extensions=request.extensions,
        )


class Matomo(Source):
    """Web analytics on your own server."""

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self._start = validated(Options, self.options, self.name).start

    def streams(self) -> Sequence[Stream]:
        return [Visits(name="visits", key=("idVisit",), start=self._start)]

    def client(self, connection: Connection) -> Client:
        if not connection.login.isdigit():
            raise ConfigError(
                f'connection "{connection.name}" has no site. Set its login to the id of the site.'
            )
        return Client(
            base_url(connection),
            name=connection.name,
            auth=Login(connection.login, connection.password),
        )

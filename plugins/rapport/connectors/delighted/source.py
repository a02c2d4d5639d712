"""Delighted: survey responses, people, and who unsubscribed or bounced.

https://app.delighted.com/docs/api

The vendor announced the end of the product for the middle of 2026. Use this source to load the
responses that an account still holds, not for a new project.

Responses are requested in the order of their last change, so that an edit during the load hides no
other response. People are paged by the Link header only; page numbers are ignored. They have no
time of change, so each run reads all of them and marks deleted ones. An unsubscribe or a bounce
that is withdrawn disappears from the vendor's list; it stays in the warehouse.

Assumed, where the documentation is silent: `updated_since` may leave out its own second, so it is
set one second earlier; `order=asc:updated_at` holds, else the load stops with an error; a list
shows a change within the hour, and the lists of unsubscribes and bounces within a day (`lag`);
`metrics` count the responses created in the period.

>>> [stream.name for stream in Delighted().streams()]
['survey_responses', 'people', 'unsubscribes', 'bounces']
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from rapport.connectors.delighted import VENDOR
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.pages_by_change import by_change
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Source, Stream

LARGEST_PAGE = 100
MOST_PAGES = 10_000
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')


class Response(msgspec.Struct):
    updated_at: int | None = None


class Metrics(msgspec.Struct):
    response_count: int | None = None


class Person(msgspec.Struct):
    id: str | int


@dataclass(frozen=True)
class Responses(Stream):
    """The responses created or edited since the last run, each with its person."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        def ask(since: int, number: int) -> tuple[list[bytes], list[int]]:
            params = {
                "per_page": LARGEST_PAGE,
                "page": number,
                "order": "asc:updated_at",
                "expand[]": "person",
                "updated_since": max(0, since - 1),
            }
            found = _list(client, "/v1/survey_responses.json", params)
            read = [msgspec.json.decode(record, type=Response) for record in found]
            return found, [one.updated_at for one in read if one.updated_at is not None]

        since = self.since(position)
        start = since if isinstance(since, int) else 0
        where = f"{client.name}: /v1/survey_responses.json"
        for page, _ in by_change(ask, start, LARGEST_PAGE, where):
            yield page

    def count(self, client: Client, start: datetime, end: datetime) -> int | None:
        """The number of responses that the vendor's own metrics are based on."""
        params = {"since": int(start.timestamp()), "until": int(end.timestamp()) - 1}
        found: Metrics = client.json("GET", "/v1/metrics.json", params=params, type=Metrics)
        return found.response_count


@dataclass(frozen=True)
class People(Stream):
    """Everybody."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        return map(Page, self._walk(client))

    def live_keys(self, client: Client) -> Iterator[Sequence[str]]:
        for people in self._walk(client):
            yield [str(msgspec.json.decode(one, type=Person).id) for one in people]

    def _walk(self, client: Client) -> Iterator[list[msgspec.Raw]]:
        tokens = PageTokens(f"{client.name} {self.name}")
        params: dict[str, Any] | None = {"per_page": LARGEST_PAGE}
        while params is not None:
            answer = client.request("GET", "/v1/people.json", params=params, check=_is_list)
            yield answer.json(list[msgspec.Raw])
            found = _NEXT.search(answer.headers.get("link", ""))
            # Only the query of the link is used, so that it cannot lead to another host.
            query = urlsplit(found[1]).query if found else None
            params = dict(parse_qsl(tokens.check(query))) if query else None


@dataclass(frozen=True)
class Out(Stream):
    """People who unsubscribed, or whose address bounced, since the last run."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        params = {"per_page": LARGEST_PAGE, "since": self.since(position) or 0}
        params["until"] = int(as_of.timestamp())
        for number in range(1, MOST_PAGES):
            found = _list(client, f"/v1/{self.name}.json", {**params, "page": number})
            yield Page(found)
            if len(found) < LARGEST_PAGE:
                return
        raise GiveUp(f"{client.name}: pagination loop, /v1/{self.name}.json does not end.")


def _list(client: Client, path: str, params: Mapping[str, Any]) -> list[bytes]:
    found: list[msgspec.Raw] = client.json("GET", path, params=params, type=list[msgspec.Raw])
    return [bytes(record) for record in found]


def _is_list(answer: Answer) -> None:
    answer.json(list[msgspec.Raw])


class Delighted(Source):
    """Surveys."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        hour, day = timedelta(hours=1), timedelta(days=1)
        return [
            Responses(
                name="survey_responses",
                cursor="updated_at",
                cursor_type=int,
                lag=hour,
                ordered=True,
                counted="created_at",
            ),
            People(name="people", sweep=True),
            *(
                Out(name=name, key=("person_id",), cursor=moment, cursor_type=int, lag=day)
                for name, moment in (("unsubscribes", "unsubscribed_at"), ("bounces", "bounced_at"))
            ),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.delighted.com"),
            name=connection.name,
            auth=(connection.password, ""),
        )

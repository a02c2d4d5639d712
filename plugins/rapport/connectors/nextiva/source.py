"""Nextiva's contact centre (formerly Thrio): workitems, which are calls, chats and e-mails.

https://help.thrio.com/article/workflow-variables

A login returns a token and the location of the company's cluster, which receives every later call.
When the token expires, a new login returns the next one. The vendor's documents disagree about the
scheme before the token; `scheme: ""` below `sources.nextiva` sends the token without one. Times are
unix milliseconds. A list is paged by `start` and `rows`. A change during the load may move other
records to an earlier page, so the list is read again while it holds more records than were seen. A
workitem names a person only by number or address, so people are found by their phone number. The
rate limits are not documented, so calls are few, and each 5xx halves their rate.

Assumed, where the documentation is silent: `q` accepts a range, as in `since`, which can be set to
another query, or to "" to read everything in each run; each change updates `modifiedAt`, and a
change shows within the day (`lag`).

>>> [stream.name for stream in Nextiva().streams()]
['workitems']
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import Field

from rapport.connectors.nextiva import VENDOR
from rapport.errors import BadRecord
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.datasets import Block
from rapport.vendors.http import Client
from rapport.vendors.options import validated
from rapport.vendors.pace import Pace
from rapport.vendors.source import Page, Position, Record, Source, Stream

LARGEST_PAGE = 100
WALKS = 3
CALLS_A_SECOND = 1.0
LOGIN = "/provider/token-with-authorities"


class Options(Block):
    """The block `sources.nextiva` of rapport.yml."""

    scheme: Literal["Bearer", ""] = "Bearer"
    since: str = "modifiedAt:[{since} TO *]"
    custom_fields: dict[str, Any] = Field(default_factory=dict)


class Found(msgspec.Struct):
    objects: list[msgspec.Raw]
    total: int = 0


class Session(msgspec.Struct):
    location: str
    token: str


class Login(httpx.Auth):
    """Logs in before the first call and after a 401; sends each call to the location."""

    requires_response_body = True

    def __init__(self, home: str, name: str, password: str, scheme: str, pace: Pace) -> None:
        self._home, self._scheme, self._pace = home, scheme, pace
        self._basic = httpx.BasicAuth(name, password)
        self._session: Session | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Log in and send the call. If the login fails, its answer is the answer to the call."""
        path = request.url.raw_path.decode().removeprefix(urlsplit(self._home).path)
        for is_last in (False, True):
            if self._session is None:
                login = httpx.Request("GET", f"{self._home}{LOGIN}")
                answer = yield next(self._basic.auth_flow(login))
                self._session = self._read(answer)
                if self._session is None:
                    return
                is_last = True
            request.url = httpx.URL(f"{self._session.location}{path}")
            request.headers["Host"] = request.url.netloc.decode()
            request.headers["Authorization"] = f"{self._scheme} {self._session.token}".strip()
            answer = yield request
            if answer.status_code >= 500:
                self._pace.slow()
            if answer.status_code != 401:
                return
            self._session = None
            if is_last:
                return

    def _read(self, answer: httpx.Response) -> Session | None:
        """The session. Its location, a host or a URL, must have the scheme of our own address."""
        if answer.status_code != 200:
            return None
        try:
            session = msgspec.json.decode(answer.content, type=Session)
        except msgspec.DecodeError:
            return None
        scheme, where = urlsplit(self._home).scheme, session.location.rstrip("/")
        where = where if "://" in where else f"{scheme}://{where}"
        return Session(where, session.token) if urlsplit(where).scheme == scheme else None


@dataclass(frozen=True, kw_only=True)
class Workitems(Stream):
    """Workitems modified since the last run; the position is {"cursor": the start of that run}."""

    query: str
    key: tuple[str, ...] = ("_id",)
    cursor: str | None = None
    lag: timedelta = timedelta(days=1)

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        params: dict[str, Any] = {"rows": LARGEST_PAGE}
        since = self.since(position)
        if isinstance(since, datetime) and self.query:
            params["q"] = self.query.replace("{since}", str(int(since.timestamp()) * 1000))
        seen: set[str] = set()
        for _ in range(WALKS):
            total = 0
            for found in self._walk(client, params):
                total = found.total
                fresh = []
                for record in found.objects:
                    key = self._key(record)
                    if key not in seen:
                        fresh.append(record)
                    seen.add(key)
                yield Page(fresh)
            if len(seen) >= total:
                break
        yield Page((), position={"cursor": as_of.isoformat()})

    def _key(self, record: Record) -> str:
        """The record's key. A record without one counts by its content, and the load rejects it."""
        try:
            return self.read_key(record).key
        except BadRecord:
            return bytes(record).hex()

    def _walk(self, client: Client, params: Mapping[str, Any]) -> Iterator[Found]:
        start = 0
        while True:
            asked = {**params, "start": start}
            found = client.json("GET", "/data/api/types/workitem", params=asked, type=Found)
            yield found
            start += len(found.objects)
            if not found.objects or start >= found.total:
                return


class Nextiva(Source):
    """Contact centre."""

    vendor = VENDOR

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.settings = validated(Options, self.options, self.name)

    def streams(self) -> Sequence[Stream]:
        return [Workitems(name="workitems", query=self.settings.since)]

    def client(self, connection: Connection) -> Client:
        home = base_url(connection, "https://login.thrio.com")
        pace = Pace(CALLS_A_SECOND, 1.0)
        login = Login(home, connection.login, connection.password, self.settings.scheme, pace)
        return Client(home, name=connection.name, auth=login, pace=pace)

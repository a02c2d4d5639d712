"""Nextiva's contact centre (formerly Thrio): workitems, which are calls, chats and e-mails.

https://help.thrio.com/article/workflow-variables

A login answers with a token and the location of the company's cluster, to which every later call
goes; when the token has ended, one login brings the next. The words before the token differ between
the vendor's own papers: `scheme: ""` below `sources.nextiva` sends it bare. Times are unix
milliseconds. A list is paged by `start` and `rows`; what changes while we page may move others to
an earlier page, so the list is walked again while it holds more than was seen. There is nobody in
it but a number or an address: people are found by their phone number. The limits are not written
down, so calls are few, and each 5xx halves their pace.

Assumed, where the documentation is silent: `q` takes a range, as in `since`, which may be set to
another query, or to "" to read everything each night; `modifiedAt` moves with each change, and a
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
        """An answer that is no session is the answer to the call."""
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
        """The location is a host or an address; the token goes nowhere without TLS that had it."""
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
    """What was modified since the last night; the position is {"cursor": when that began}."""

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
        """The record's key; what has none is told apart by itself, and rejected when it lands."""
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

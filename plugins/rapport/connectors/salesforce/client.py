"""One Salesforce organisation, for source and destination: login, queries, its share of calls.

>>> long_id("0035e00000AbCdE")
'0035e00000AbCdEAAV'
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from rapport.errors import RetryLater
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.oauth import Login
from rapport.vendors.paging import PageTokens

VERSION = "67.0"
DATA = f"/services/data/v{VERSION}"
LARGEST_PAGE, PATIENCE = 2000, 15.0
USED = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class Found(msgspec.Struct):
    records: list[msgspec.Raw]
    done: bool
    total: int = msgspec.field(name="totalSize", default=0)
    following: str | None = msgspec.field(name="nextRecordsUrl", default=None)


class Named(msgspec.Struct):
    name: str


class Described(msgspec.Struct):
    fields: list[Named]


class Org(Client):
    """Calls to one organisation, which end before its share of the day's is used up."""

    share = 1.0
    used, most = 0, 0

    def request(self, method: str, path: str, **options: Any) -> Answer:
        """One answer; raises `RetryLater` where the day's share was used up before."""
        if self.most and self.used >= self.share * self.most:
            raise RetryLater(
                f"{self.name}: {self.used} of the organisation's {self.most} calls a day are used, "
                f"more than limit_share {self.share} leaves to Rapport. What was read stays.",
                retry_after=3600,
            )
        answer = super().request(method, path, **options)
        if told := USED.search(answer.headers.get("sforce-limit-info", "")):
            self.used, self.most = int(told[1]), int(told[2])
        return answer

    def query(self, soql: str, resource: str = "query") -> Iterator[Found]:
        """The pages of a query, first to last."""
        tokens, size = PageTokens(f"{self.name} {resource}"), f"batchSize={LARGEST_PAGE}"
        path, params = f"{DATA}/{resource}", {"q": soql}
        while True:
            options: Any = {"params": params, "headers": {"Sforce-Query-Options": size}}
            found: Found = self.json("GET", path, type=Found, **options)
            yield found
            if found.done or not found.following:
                return
            path, params = tokens.check(found.following), {}

    def pause(self) -> None:
        """A while between two looks at a job."""
        self._sleep(PATIENCE)


def open_org(connection: Connection, share: float, **options: Any) -> Org:
    """A client of the organisation, logged in by the client credentials of a connected app."""
    host = base_url(connection)
    login = Login(
        f"{host}/services/oauth2/token",
        name=connection.name,
        grant="client_credentials",
        client_id=connection.login,
        client_secret=connection.password,
    )
    org = Org(host, name=connection.name, auth=login, is_throttled=is_throttled, **options)
    org.share = share
    return org


def is_throttled(answer: Answer) -> bool:
    """Whether the organisation's calls are used up: a 403, not a 429."""
    return answer.status == 403 and b"REQUEST_LIMIT_EXCEEDED" in answer.content


def long_id(id: str) -> str:
    """The form of 18 characters of an id that may have 15, which tell capitals apart.

    >>> long_id("0035e00000AbCdE"), long_id("0035e00000AbCdEAAV")
    ('0035e00000AbCdEAAV', '0035e00000AbCdEAAV')
    """
    if len(id) != 15:
        return id
    parts = (id[start : start + 5] for start in (0, 5, 10))
    bits = (sum(1 << place for place, c in enumerate(part) if "A" <= c <= "Z") for part in parts)
    return id + "".join(LETTERS[number] for number in bits)

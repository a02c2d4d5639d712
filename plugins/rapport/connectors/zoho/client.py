"""One Zoho CRM account, for source and destination: login, lists, and what was deleted.

>>> accounts_of("https://www.zohoapis.com.au"), accounts_of("https://www.zohoapis.ca")
('https://accounts.zoho.com.au', 'https://accounts.zohocloud.ca')
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.errors import ConfigError, GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.oauth import Login
from rapport.vendors.paging import PageTokens

DATA = "/crm/v8"
LARGEST_PAGE, MOST_FIELDS = 200, 50


class Info(msgspec.Struct):
    more: bool = msgspec.field(name="more_records", default=False)
    token: str | None = msgspec.field(name="next_page_token", default=None)


class Listed(msgspec.Struct):
    data: list[msgspec.Raw] = []
    info: Info = msgspec.field(default_factory=Info)


class Stamped(msgspec.Struct):
    at: datetime = msgspec.field(name="Modified_Time")


class Crm(Client):
    """Calls to one account. No rows are a 204, nothing that changed is a 304."""

    def walk(
        self, module: str, fields: Sequence[str], since: datetime | None = None
    ) -> Iterator[Sequence[msgspec.Raw]]:
        """All records in the order of Modified_Time, from `since` on, converted leads too.

        A page token ends after a day and after 100,000 rows: then the walk begins again a second
        before the last stamp, so a row may come twice.
        """
        params: dict[str, Any] = {
            "fields": ",".join(fields),
            "per_page": LARGEST_PAGE,
            "sort_by": "Modified_Time",
            "sort_order": "asc",
        }
        params |= {"converted": "both"} if module == "Leads" else {}
        while True:
            last: datetime | None = None
            for page in self._until_the_token_ends(module, params, since):
                if page.data:
                    last = stamp_of(page.data[-1])
                    yield page.data
                if not page.info.more:
                    return
            start = last - timedelta(seconds=1) if last else None
            if start is None or (since is not None and start <= since):
                raise GiveUp(
                    f"{self.name} {module}: the pages end before the rows do, at more than Zoho "
                    "lists of one moment. What was committed stays; ask Zoho to lift the limit."
                )
            since = start

    def _until_the_token_ends(
        self, module: str, params: Mapping[str, Any], since: datetime | None
    ) -> Iterator[Listed]:
        tokens, token = PageTokens(f"{self.name} {module}"), None
        headers = {"If-Modified-Since": moment(since)} if since else {}
        while True:
            more: dict[str, Any] = {"page_token": tokens.check(token)} if token else {}
            found = self._list(f"{DATA}/{module}", {**params, **more}, headers)
            if found is None:
                return
            yield found
            token = found.info.token
            if not found.info.more or token is None:
                return

    def deleted(self, module: str) -> Iterator[Sequence[msgspec.Raw]]:
        """What is in the recycle bin or gone for good, as `{id, deleted_time, …}`."""
        page = 1
        while True:
            params = {"type": "all", "page": page, "per_page": LARGEST_PAGE}
            found = self._list(f"{DATA}/{module}/deleted", params, {})
            assert found is not None
            yield found.data
            if not found.info.more:
                return
            page += 1

    def _list(
        self, path: str, params: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Listed | None:
        """One page; None where its token is not good any more."""
        found = Listed()

        def check(answer: Answer) -> None:
            nonlocal found
            found = answer.json(Listed) if answer.status == 200 else Listed()

        ok = (304, 400) if "page_token" in params else (304,)
        answer = self.request("GET", path, params=params, headers=headers, ok=ok, check=check)
        return None if answer.status == 400 else found


def open_crm(connection: Connection | None, **options: Any) -> Crm:
    """A client that is logged in by a refresh token; raises `ConfigError` where one is missing."""
    refresh = str((connection.extra if connection else {}).get("refresh_token", ""))
    if connection is None or not (connection.login and connection.password and refresh):
        raise ConfigError(
            'connection "zoho": client id (login), client secret (password) or '
            "extra.refresh_token is missing."
        )
    host = base_url(connection, "https://www.zohoapis.com")
    login = Login(
        f"{accounts_of(host)}/oauth/v2/token",
        name=connection.name,
        grant="refresh_token",
        client_id=connection.login,
        client_secret=connection.password,
        refresh_token=refresh,
        scheme="Zoho-oauthtoken",
        busy=frozenset(["Access Denied"]),
    )
    return Crm(host, name=connection.name, auth=login, **options)


def accounts_of(host: str) -> str:
    """Where a data centre gives tokens; another host does both."""
    found = re.fullmatch(r"https://www\.zohoapis\.([a-z.]+)", host)
    if found is None:
        return host
    return f"https://accounts.{'zohocloud' if found[1] == 'ca' else 'zoho'}.{found[1]}"


def moment(time: datetime) -> str:
    """A time as Zoho reads it, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def stamp_of(record: msgspec.Raw) -> datetime:
    """When a record was modified."""
    return msgspec.json.decode(record, type=Stamped).at


def parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Slices of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def refuse_unknown_fields(
    client: Client, module: str, named: Sequence[str], complain: Callable[[str], Exception]
) -> None:
    """Raise what `complain` makes of the names of fields that the module does not have."""
    if not named:
        return
    told = client.json("GET", f"{DATA}/settings/fields", params={"module": module})
    there = {field["api_name"] for field in told["fields"]}
    if missing := [name for name in named if name.partition(".")[0] not in there]:
        raise complain(", ".join(missing))

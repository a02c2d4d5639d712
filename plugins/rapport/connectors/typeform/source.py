"""Typeform: forms, and the responses to each of them.

https://www.typeform.com/developers/responses/reference/retrieve-responses/

Responses come newest first. So they are read backwards with `before`, from the newest to the last
known one (`since`, inclusive, to the second). A form's watermark moves once all its pages are read,
and never past as_of.

Assumed, where the documentation is silent: a response shows within the hour (`lag`; the vendor
states 30 minutes); a token is unique across forms; `since` and `before` can be combined. If an
answer takes the vendor too long (499), it is requested again in smaller pages.

>>> [stream.name for stream in Typeform().streams()]
['forms', 'responses']
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from rapport.connectors.typeform import VENDOR
from rapport.errors import BadRecord, GiveUp, RetryLater
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Record, Rejected, Source, Stream, with_context

LARGEST_PAGE_OF_FORMS, LARGEST_PAGE = 200, 1000
TOO_SLOW = 499


class Items(msgspec.Struct):
    items: list[msgspec.Raw]
    page_count: int = 1


class Form(msgspec.Struct):
    id: str


class Response(msgspec.Struct):
    token: str
    submitted_at: datetime | None = None


@dataclass(frozen=True)
class Forms(Stream):
    """The forms, all of them in each run."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        number, known = 1, frozenset[bytes]()
        while True:
            params = {"page": number, "page_size": LARGEST_PAGE_OF_FORMS}
            found = client.json("GET", "/forms", params=params, type=Items)
            records = frozenset(map(bytes, found.items))
            if records and records == known:
                raise GiveUp(f"{client.name} forms: pagination loop, the same page came twice.")
            yield Page(found.items)
            if number >= found.page_count or not found.items:
                return
            number, known = number + 1, records


@dataclass(frozen=True)
class Responses(Stream):
    """The responses of every form, with `form_id` added in front."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        newest: dict[str, str] = dict((position or {}).get("newest", {}))
        for page in Forms(name="forms").pages(client, None, as_of):
            for record in page.records:
                form = _form(record)
                if form is not None:
                    yield from self._of_form(client, form, newest, as_of)

    def _of_form(
        self, client: Client, form: str, newest: dict[str, str], as_of: datetime
    ) -> Iterator[Page]:
        tokens = PageTokens(f"{client.name} {self.name} of form {form}")
        params: dict[str, Any] = {"page_size": LARGEST_PAGE}
        times = [datetime.fromisoformat(newest[form])] if form in newest else []
        if times:
            since = times[0] - self.lag
            params["since"] = since.strftime("%Y-%m-%dT%H:%M:%S")
        while True:
            found = _ask(client, f"/forms/{form}/responses", params)
            read = [response for item in found.items if (response := _response(item))]
            times += [
                response.submitted_at.replace(tzinfo=response.submitted_at.tzinfo or UTC)
                for response in read
                if response.submitted_at
            ]
            times = [max(times)] if times else []
            is_last = len(found.items) < params["page_size"]
            if is_last and times:
                newest[form] = min(times[0], as_of).isoformat()
            position = {"newest": dict(newest)} if is_last else None
            yield _spliced(found.items, form, position)
            if is_last:
                return
            if not read:
                raise GiveUp(f"{client.name} {self.name} of form {form}: a page without tokens.")
            params["before"] = tokens.check(read[-1].token)


def _ask(client: Client, path: str, params: dict[str, Any]) -> Items:
    def check(answer: Answer) -> None:
        if answer.status < 300:
            answer.json(Items)

    while True:
        answer = client.request("GET", path, params=params, ok=(404, TOO_SLOW), check=check)
        if answer.status == TOO_SLOW and params["page_size"] > 1:
            params["page_size"] //= 2
        elif answer.status == TOO_SLOW:
            raise RetryLater(f"{client.name}: {TOO_SLOW} on {path}, even for one response.")
        elif answer.status == 404:
            return Items([])
        else:
            found: Items = answer.json(Items)
            return found


def _form(record: Record) -> str | None:
    try:
        return msgspec.json.decode(record, type=Form).id
    except msgspec.DecodeError:
        return None


def _response(record: Record) -> Response | None:
    try:
        return msgspec.json.decode(record, type=Response)
    except msgspec.DecodeError:
        return None


def _spliced(items: Sequence[Record], form: str, position: Position | None) -> Page:
    records: list[Record] = []
    rejected: list[Rejected] = []
    for item in items:
        try:
            records.append(with_context(item, {"form_id": form}))
        except BadRecord as error:
            rejected.append(Rejected(bytes(item), str(error)))
    return Page(records, position=position, rejected=rejected)


class Typeform(Source):
    """Surveys."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Forms(name="forms"),
            Responses(name="responses", key=("token",), lag=timedelta(hours=1)),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.typeform.com"),
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
        )

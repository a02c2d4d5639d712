"""SurveyMonkey: surveys with their questions, and the responses to each.

https://api.surveymonkey.com/v3/docs

A private app may make 120 calls a minute and 500 a day. So a survey's questions are read only if
the survey changed. Its responses are read only if its count or its time of change changed, or after
a week, which finds edited responses.

Responses are requested in the order of their last change, so that an edit during the load hides no
other response.

Assumed, where the documentation is silent: `start_modified_at` may leave out its own second, so it
is set one second earlier; a response shows within the hour (`lag`).

>>> [stream.name for stream in SurveyMonkey().streams()]
['surveys', 'responses']
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from rapport.connectors.surveymonkey import VENDOR
from rapport.errors import GiveUp
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.pages_by_change import by_change
from rapport.vendors.source import Page, Position, Source, Stream

LARGEST_PAGE = 100
SECOND = timedelta(seconds=1)
SEEN_ANYWAY = timedelta(days=7)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Survey(msgspec.Struct):
    id: str
    date_modified: str | None = None
    response_count: int | None = None


class Response(msgspec.Struct):
    date_modified: datetime | None = None


class Listed(msgspec.Struct):
    data: list[msgspec.Raw]
    links: dict[str, str] = {}


@dataclass(frozen=True)
class Surveys(Stream):
    """The surveys that changed, each with its pages, questions and choices."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = dict((position or {}).get("modified", {}))
        for survey in _surveys(client):
            if survey.date_modified and known.get(survey.id) == survey.date_modified:
                continue
            path = f"/v3/surveys/{survey.id}/details"
            answer = client.request("GET", path, check=_is_object)
            known[survey.id] = survey.date_modified
            yield Page([answer.content], position={"modified": dict(known)})


@dataclass(frozen=True)
class Responses(Stream):
    """The completed responses of the surveys that changed."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = dict((position or {}).get("surveys", {}))
        for survey in _surveys(client):
            state = [survey.date_modified, survey.response_count]
            before = known.get(survey.id) or {"state": None, "until": None, "asked": None}
            if before["state"] == state and not _is_old(before["asked"], as_of):
                continue
            since = _moment(before["until"])
            until = since
            for page, last in self._of_survey(client, survey.id, since - self.lag):
                until = max(until, min(last, as_of))
                yield page
            known[survey.id] = {
                "state": state,
                "until": until.isoformat(),
                "asked": as_of.isoformat(),
            }
            yield Page((), position={"surveys": dict(known)})

    def _of_survey(
        self, client: Client, survey: str, start: datetime
    ) -> Iterator[tuple[Page, datetime]]:
        path = f"/v3/surveys/{survey}/responses/bulk"

        def ask(since: datetime, number: int) -> tuple[list[bytes], list[datetime]]:
            params = {
                "per_page": LARGEST_PAGE,
                "page": number,
                "status": "completed",
                "sort_by": "date_modified",
                "sort_order": "ASC",
                "simple": "true",
                "start_modified_at": f"{max(EPOCH, since - SECOND):%Y-%m-%dT%H:%M:%S}",
            }
            found = client.json("GET", path, params=params, type=Listed)
            return [bytes(record) for record in found.data], list(_times(found))

        return by_change(ask, start, LARGEST_PAGE, f"{client.name}: {path}")


def _times(found: Listed) -> Iterator[datetime]:
    for record in found.data:
        with contextlib.suppress(msgspec.DecodeError):
            time = msgspec.json.decode(record, type=Response).date_modified
            if time is not None:
                yield time if time.tzinfo else time.replace(tzinfo=UTC)


def _surveys(client: Client) -> Iterator[Survey]:
    number = 1
    while True:
        include = "date_modified,response_count"
        params = {"per_page": LARGEST_PAGE, "page": number, "include": include}
        found = client.json("GET", "/v3/surveys", params=params, type=Listed)
        yield from (msgspec.json.decode(record, type=Survey) for record in found.data)
        if "next" not in found.links or not found.data:
            return
        number += 1
        if number > 1000:
            raise GiveUp(f"{client.name}: pagination loop, /v3/surveys does not end.")


def _is_object(answer: Answer) -> None:
    answer.json(Survey)


def _is_old(asked: str | None, as_of: datetime) -> bool:
    return asked is None or as_of - datetime.fromisoformat(asked) >= SEEN_ANYWAY


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else EPOCH + timedelta(days=1)


class SurveyMonkey(Source):
    """Surveys."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Surveys(name="surveys"),
            Responses(name="responses", lag=timedelta(hours=1)),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection, "https://api.surveymonkey.com"),
            name=connection.name,
            headers={"Authorization": f"Bearer {connection.password}"},
            longest_wait=60.0,
        )

"""Qualtrics: surveys with their questions, and the responses to each by export.

https://api.qualtrics.com/u9e5lh4172v0v-survey-response-export-guide

An export is started, checked until it is complete, and then read as a zip. The `continuationToken`
of a complete export is the cursor, with which the next export of the survey starts. Tokens expire.
If Qualtrics refuses a token, the survey is exported from the beginning, so that nothing is missed;
responses that are already stored count as unchanged.

A survey's `lastModified` changes with its questions, not with its responses. So it decides only
whether the questions are read again, and every survey is exported in each run. Qualtrics does not
report deleted responses, so they stay in the warehouse.

Assumed, where the documentation is silent: a continuation also returns edited responses, because
the first export is sorted by change; an export with nothing new is complete and empty; a response
id is unique across surveys.

>>> [stream.name for stream in Qualtrics().streams()]
['surveys', 'responses']
"""

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import parse_qsl, urlsplit

import msgspec

from rapport.connectors.qualtrics import VENDOR
from rapport.errors import RetryLater
from rapport.vendors.connections import Connection, base_url
from rapport.vendors.http import Answer, Client
from rapport.vendors.paging import PageTokens
from rapport.vendors.source import Page, Position, Source, Stream, with_context
from rapport.vendors.zipped_lines import LARGEST_ANSWER, pages_of

LONGEST_JOB = 3600.0
LONGEST_PAUSE = 30.0
REFUSED = (400, 404)


class Survey(msgspec.Struct, rename="camel"):
    id: str
    last_modified: str | None = None


class List(msgspec.Struct, rename="camel"):
    elements: list[Survey]
    next_page: str | None = None


class Surveyed(msgspec.Struct):
    result: List


class Definition(msgspec.Struct):
    result: msgspec.Raw


class Job(msgspec.Struct, rename="camel"):
    status: str
    progress_id: str | None = None
    file_id: str | None = None
    continuation_token: str | None = None


class Ordered(msgspec.Struct):
    result: Job


@dataclass(frozen=True)
class Surveys(Stream):
    """The surveys that changed, each with its questions."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        known = dict((position or {}).get("modified", {}))
        for survey in _surveys(client):
            if survey.last_modified and known.get(survey.id) == survey.last_modified:
                continue
            path = f"/API/v3/survey-definitions/{survey.id}"
            found: Definition = client.json("GET", path, type=Definition)
            known[survey.id] = survey.last_modified
            yield Page([found.result], position={"modified": dict(known)})


@dataclass(frozen=True)
class Responses(Stream):
    """The responses since each survey's last export, with `survey_id` added in front."""

    def pages(self, client: Client, position: Position | None, as_of: datetime) -> Iterator[Page]:
        tokens = dict((position or {}).get("tokens", {}))
        for survey in _surveys(client):
            path = f"/API/v3/surveys/{survey.id}/export-responses"
            job = _complete(client, path, _order(client, path, tokens.get(survey.id)))
            with tempfile.TemporaryFile() as file:
                _download(client, f"{path}/{job.file_id}/file", file)
                for page in pages_of(file, client.name, (".ndjson", ".json")):
                    told = [with_context(r, {"survey_id": survey.id}) for r in page.records]
                    yield Page(told, rejected=page.rejected)
            if job.continuation_token:
                tokens[survey.id] = job.continuation_token
            yield Page((), position={"tokens": dict(tokens)})


def _order(client: Client, path: str, token: str | None) -> Job:
    """The job that continues from the token, or starts anew if there is no valid token."""
    wanted: dict[str, Any] = {"format": "ndjson", "compress": True}
    if token:
        body = {**wanted, "continuationToken": token}
        answer = client.request("POST", path, json=body, ok=REFUSED, check=_is_ordered)
        if answer.status not in REFUSED:
            ordered: Ordered = answer.json(Ordered)
            return ordered.result
    body = {**wanted, "allowContinuation": True, "sortByLastModifiedDate": True}
    begun: Ordered = client.json("POST", path, json=body, type=Ordered)
    return begun.result


def _complete(client: Client, path: str, job: Job) -> Job:
    """The job once its file is ready. Only `status` says so; the percentage is just information."""
    waited, pause, ordered = 0.0, 1.0, job.progress_id
    while job.status != "complete" or not job.file_id:
        if job.status == "failed":
            raise RetryLater(f"{client.name}: the export at {path} failed. Run again later.")
        if waited > LONGEST_JOB:
            raise RetryLater(f"{client.name}: the export at {path} is not ready after an hour.")
        client.wait(pause)
        waited, pause = waited + pause, min(2 * pause, LONGEST_PAUSE)
        job = client.json("GET", f"{path}/{ordered}", type=Ordered).result
    return job


def _download(client: Client, path: str, file: BinaryIO) -> None:
    def check(answer: Answer) -> None:
        if not zipfile.is_zipfile(file):
            raise ValueError("not a zip")

    client.request("GET", path, check=check, into=file)


def _surveys(client: Client) -> Iterator[Survey]:
    tokens, params = PageTokens(f"{client.name} surveys"), dict[str, str]()
    while True:
        found: Surveyed = client.json("GET", "/API/v3/surveys", params=params, type=Surveyed)
        yield from found.result.elements
        if not found.result.next_page:
            return
        # Only the query of the next page's URL is used, so that it cannot lead to another host.
        params = dict(parse_qsl(tokens.check(urlsplit(found.result.next_page).query)))


def _is_ordered(answer: Answer) -> None:
    if answer.status not in REFUSED:
        answer.json(Ordered)


class Qualtrics(Source):
    """Surveys."""

    vendor = VENDOR

    def streams(self) -> Sequence[Stream]:
        return [
            Surveys(name="surveys", key=("SurveyID",)),
            Responses(name="responses", key=("responseId",)),
        ]

    def client(self, connection: Connection) -> Client:
        return Client(
            base_url(connection),
            name=connection.name,
            headers={"X-API-TOKEN": connection.password},
            deadline=3600.0,
            max_bytes=LARGEST_ANSWER,
        )

"""Qualtrics's traps: exports in four steps, tokens that age, answers that do not move a survey."""

import io
import json
import re
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.qualtrics.source import Qualtrics
from rapport.errors import GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
STREAMS = {stream.name: stream for stream in Qualtrics().streams()}


class Twin:
    """Surveys with their responses by the number of the export from which they are known."""

    def __init__(self, responses: dict[str, list[str]]) -> None:
        self.responses = responses
        self.modified = dict.fromkeys(responses, "2026-03-01T00:00:00Z")
        self.done: dict[str, int] = {}
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.refused: set[str] = set()
        self.progress: list[dict[str, Any]] = []
        self.files: list[bytes] = []

    def __call__(self, request: Any) -> Any:
        if request.path == "/API/v3/surveys":
            return self._surveys(request.query.get("offset"))
        if found := re.fullmatch(r"/API/v3/survey-definitions/(\w+)", request.path):
            return {"result": {"SurveyID": found[1], "Questions": {}}, "meta": {}}
        found = re.fullmatch(r"/API/v3/surveys/(\w+)/export-responses(/\w+)?(/file)?", request.path)
        assert found, request.path
        survey, job, file = found.groups()
        if job is None:
            return self._order(survey, request.body)
        if file:
            return self.files.pop(0) if self.files else self._file(survey)
        told = self.progress.pop(0) if self.progress else {"status": "complete", "fileId": "f"}
        return {"result": {"percentComplete": 100.0, "continuationToken": f"t-{survey}", **told}}

    def _surveys(self, offset: str | None) -> Any:
        ids = sorted(self.responses)
        shown, rest = (ids[:1], ids[1:]) if offset is None else (ids[1:], [])
        link = "https://elsewhere.example/API/v3/surveys?offset=1" if rest else None
        elements = [{"id": id, "lastModified": self.modified[id]} for id in shown]
        return {"result": {"elements": elements, "nextPage": link}}

    def _order(self, survey: str, body: dict[str, Any]) -> Any:
        self.orders.append((survey, body))
        if body.get("continuationToken") in self.refused:
            return 400, {}, {"meta": {"error": {"errorCode": "RP_1"}}}
        return {"result": {"progressId": "p", "status": "inProgress"}}

    def _file(self, survey: str) -> bytes:
        lines = [{"responseId": id, "values": {}} for id in self.responses[survey]]
        return zipped(survey, "".join(f"{json.dumps(line)}\n" for line in lines).encode())


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{name}.ndjson", content)
    return packed.getvalue()


def pull(vendor: Any, name: str, position: Any = None) -> list[str]:
    stream = STREAMS[name]
    with vendor.client(Qualtrics()) as client:
        pages = list(stream.pages(client, position, AS_OF))
    vendor.records = [bytes(record) for page in pages for record in page.records]
    vendor.position = pages[-1].position if pages else position
    return [stream.read_key(record).key for record in vendor.records]


@pytest.fixture
def twin(vendor: Any) -> Twin:
    vendor.answer = Twin({"SV_1": ["R_1", "R_2"], "SV_2": ["R_3"]})
    return vendor.answer  # type: ignore[no-any-return]


def test_every_survey_is_exported_and_each_response_says_of_which(vendor: Any, twin: Twin) -> None:
    assert pull(vendor, "responses") == ["R_1", "R_2", "R_3"]
    assert [json.loads(r)["survey_id"] for r in vendor.records] == ["SV_1", "SV_1", "SV_2"]
    assert all(body["allowContinuation"] is True for _, body in twin.orders)


def test_the_next_night_goes_on_from_the_token_of_each_survey(vendor: Any, twin: Twin) -> None:
    pull(vendor, "responses")
    twin.orders.clear()
    pull(vendor, "responses", vendor.position)
    assert [body["continuationToken"] for _, body in twin.orders] == ["t-SV_1", "t-SV_2"]
    # Qualtrics refuses these beside a token.
    assert not any({"allowContinuation", "startDate"} & set(body) for _, body in twin.orders)


def test_a_token_that_has_aged_begins_that_survey_anew(vendor: Any, twin: Twin) -> None:
    pull(vendor, "responses")
    twin.orders.clear()
    twin.refused.add("t-SV_1")
    assert pull(vendor, "responses", vendor.position) == ["R_1", "R_2", "R_3"]
    assert [(survey, "continuationToken" in body) for survey, body in twin.orders] == [
        ("SV_1", True),
        ("SV_1", False),
        ("SV_2", True),
    ]


def test_a_kill_after_the_first_survey_does_not_export_it_again(vendor: Any, twin: Twin) -> None:
    with vendor.client(Qualtrics()) as client:
        pages = STREAMS["responses"].pages(client, None, AS_OF)
        position = next(page.position for page in pages if page.position)
    assert position == {"tokens": {"SV_1": "t-SV_1"}}
    twin.orders.clear()
    pull(vendor, "responses", position)
    assert [body.get("continuationToken") for _, body in twin.orders] == ["t-SV_1", None]


def test_a_hundred_percent_is_not_complete(vendor: Any, twin: Twin) -> None:
    running = {"status": "inProgress", "fileId": None}
    twin.progress = [running, running, running]
    assert pull(vendor, "responses") == ["R_1", "R_2", "R_3"]
    assert vendor.waits[:4] == [1.0, 2.0, 4.0, 8.0]


def test_an_export_that_never_is_ready_is_left_for_later(vendor: Any, twin: Twin) -> None:
    twin.progress = [{"status": "inProgress", "fileId": None}] * 1_000
    with pytest.raises(RetryLater, match="not ready after an hour"):
        pull(vendor, "responses")
    assert 3_600 < sum(vendor.waits) < 3_700


def test_an_export_that_failed_is_left_for_later(vendor: Any, twin: Twin) -> None:
    twin.progress = [{"status": "failed"}]
    with pytest.raises(RetryLater, match="failed"):
        pull(vendor, "responses")


def test_a_file_that_is_no_zip_is_fetched_again(vendor: Any, twin: Twin) -> None:
    twin.files = [b"<html>", zipped("SV_1", b'{"responseId": "R_9"}\n')]
    assert pull(vendor, "responses") == ["R_9", "R_3"]


def test_a_survey_is_read_again_only_when_its_questions_changed(vendor: Any, twin: Twin) -> None:
    assert pull(vendor, "surveys") == ["SV_1", "SV_2"]
    assert pull(vendor, "surveys", vendor.position) == []
    twin.modified["SV_2"] = "2026-03-30T00:00:00Z"
    assert pull(
        vendor, "surveys", {"modified": dict.fromkeys(twin.modified, "2026-03-01T00:00:00Z")}
    ) == ["SV_2"]


def test_the_next_page_of_surveys_is_asked_of_the_same_host(vendor: Any, twin: Twin) -> None:
    pull(vendor, "surveys")
    asked = [r.query for r in vendor.requests if r.path == "/API/v3/surveys"]
    assert asked == [{}, {"offset": "1"}]


def test_a_list_of_surveys_that_repeats_itself_stops(vendor: Any, twin: Twin) -> None:
    page = {"elements": [], "nextPage": "https://x.example/API/v3/surveys?offset=1"}
    vendor.answer = lambda request: {"result": page}
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor, "surveys")


def test_the_token_goes_in_the_header_of_the_vendor(vendor: Any, twin: Twin) -> None:
    pull(vendor, "surveys")
    assert {r.headers["X-API-TOKEN"] for r in vendor.requests} == {"secret"}

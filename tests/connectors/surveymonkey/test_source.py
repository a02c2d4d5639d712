"""SurveyMonkey's traps: 500 calls a day, rows that move while they are paged, equal times."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.surveymonkey import source
from rapport.connectors.surveymonkey.source import SurveyMonkey
from rapport.errors import GiveUp

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
T0 = datetime(2026, 3, 1, tzinfo=UTC)
STREAMS = {stream.name: stream for stream in SurveyMonkey().streams()}


def stamp(second: int) -> str:
    return f"{T0 + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S+00:00}"


class Twin:
    """One survey; responses by id with their second of change, later than `start_modified_at`."""

    def __init__(self, changed: dict[int, int]) -> None:
        self.changed = changed
        self.asked = 0
        self.between: Any = None

    def __call__(self, request: Any) -> Any:
        if request.path == "/v3/surveys":
            survey = {"id": "1", "date_modified": "x", "response_count": len(self.changed)}
            return {"data": [survey], "links": {}}
        if request.path.endswith("/details"):
            return {"id": "1", "title": "Survey"}
        self.asked += 1
        query = request.query
        assert query["status"] == "completed" and query["sort_by"] == "date_modified"
        rows = sorted(
            (s, i) for i, s in self.changed.items() if stamp(s)[:19] > query["start_modified_at"]
        )
        size, number = int(query["per_page"]), int(query["page"])
        shown = rows[(number - 1) * size : number * size]
        answer = {"data": [{"id": str(i), "date_modified": stamp(s)} for s, i in shown]}
        if self.between:
            self.between()
            self.between = None
        return answer


def pull(vendor: Any, stream: str, position: Any = None, as_of: datetime = AS_OF) -> Any:
    keys, last = [], position
    with vendor.client(SurveyMonkey()) as client:
        for page in STREAMS[stream].pages(client, position, as_of):
            keys += [STREAMS[stream].read_key(record).key for record in page.records]
            last = page.position or last
    return keys, last


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_PAGE", 10)


def test_every_response_comes_also_those_that_share_a_second(vendor: Any) -> None:
    vendor.answer = Twin({i: 5 if 10 <= i < 50 else i for i in range(100)})
    keys, _ = pull(vendor, "responses")
    assert set(keys) == {str(i) for i in range(100)}


def test_a_response_that_is_edited_while_they_are_paged_costs_no_other(vendor: Any) -> None:
    twin = Twin({i: i * 60 for i in range(50)})
    twin.between = lambda: twin.changed.update({3: 9_000, 4: 9_001})
    vendor.answer = twin
    keys, _ = pull(vendor, "responses")
    assert set(keys) == {str(i) for i in range(50)}


def test_a_survey_of_which_nothing_moved_is_not_asked_and_after_a_week_is(vendor: Any) -> None:
    twin = Twin({i: i for i in range(5)})
    vendor.answer = twin
    _, position = pull(vendor, "responses")
    twin.asked = 0
    pull(vendor, "responses", position, AS_OF + timedelta(days=1))
    assert twin.asked == 0
    pull(vendor, "responses", position, AS_OF + timedelta(days=7))
    assert twin.asked == 1


def test_the_questions_are_read_once_as_long_as_the_survey_is_the_same(vendor: Any) -> None:
    vendor.answer = Twin({})
    keys, position = pull(vendor, "surveys")
    assert keys == ["1"]
    assert pull(vendor, "surveys", position)[0] == []


def test_a_day_of_calls_that_is_spent_is_left_for_later(vendor: Any) -> None:
    from rapport.errors import RetryLater

    vendor.answer = lambda request: (429, {"Retry-After": "7200"}, {"error": {"id": "1040"}})
    with pytest.raises(RetryLater):
        pull(vendor, "surveys")
    assert vendor.waits == []


def test_a_query_that_ignores_where_to_begin_stops(vendor: Any) -> None:
    twin = Twin(dict.fromkeys(range(10), 60))
    old = [{"id": str(i), "date_modified": "2020-01-01T00:00:00+00:00"} for i in range(10)]

    def answer(request: Any) -> Any:
        return {"data": old} if request.path.endswith("/bulk") else twin(request)

    vendor.answer = answer
    position = {"surveys": {"1": {"state": None, "until": stamp(0), "asked": None}}}
    with pytest.raises(GiveUp):
        pull(vendor, "responses", position)

"""Delighted's traps: pages by Link only, edits while they are paged, an order that is not kept."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rapport.connectors.delighted import source
from rapport.connectors.delighted.source import Delighted
from rapport.errors import GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
STREAMS = {stream.name: stream for stream in Delighted().streams()}


class Twin:
    """Responses by id with their second of change, later than `updated_since`."""

    def __init__(self, changed: dict[int, int]) -> None:
        self.changed = changed
        self.between: Any = None

    def __call__(self, request: Any) -> Any:
        query = request.query
        assert query["order"] == "asc:updated_at" and query["expand[]"] == "person"
        rows = sorted((s, i) for i, s in self.changed.items() if s > int(query["updated_since"]))
        size, number = int(query["per_page"]), int(query["page"])
        shown = rows[(number - 1) * size : number * size]
        if self.between:
            self.between()
            self.between = None
        return [{"id": str(i), "updated_at": s} for s, i in shown]


def pull(vendor: Any, name: str, position: Any = None) -> list[str]:
    stream = STREAMS[name]
    with vendor.client(Delighted()) as client:
        return [
            stream.read_key(record).key
            for page in stream.pages(client, position, AS_OF)
            for record in page.records
        ]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LARGEST_PAGE", 5)


def test_every_response_comes_also_those_that_share_a_second(vendor: Any) -> None:
    vendor.answer = Twin({i: 7 if 4 <= i < 25 else i + 1 for i in range(40)})
    assert set(pull(vendor, "survey_responses")) == {str(i) for i in range(40)}


def test_a_response_that_is_edited_while_they_are_paged_costs_no_other(vendor: Any) -> None:
    twin = Twin({i: 10 * i + 1 for i in range(20)})
    twin.between = lambda: twin.changed.update({1: 9_000, 2: 9_001})
    vendor.answer = twin
    assert set(pull(vendor, "survey_responses")) == {str(i) for i in range(20)}


def test_the_next_night_begins_an_hour_and_a_second_before_the_watermark(vendor: Any) -> None:
    vendor.answer = Twin({})
    pull(vendor, "survey_responses", {"cursor": 1_774_900_000})
    assert vendor.requests[0].query["updated_since"] == str(1_774_900_000 - 3_601)


def test_an_order_that_is_not_kept_stops_before_a_row_is_missed(vendor: Any) -> None:
    rows = [{"id": str(i), "updated_at": second} for i, second in enumerate((5, 90, 7, 8, 9))]
    vendor.answer = lambda request: rows
    with pytest.raises(GiveUp, match="order of change"):
        pull(vendor, "survey_responses")


def test_people_are_paged_by_the_link_whatever_host_it_names(vendor: Any) -> None:
    def answer(request: Any) -> Any:
        after = int(request.query.get("page_info", 0))
        link = f'<https://elsewhere.example/v1/people.json?page_info={after + 1}>; rel="next"'
        return 200, {"Link": link} if after < 3 else {}, [{"id": after}]

    vendor.answer = answer
    assert pull(vendor, "people") == ["0", "1", "2", "3"]
    assert len(vendor.requests) == 4
    with vendor.client(Delighted()) as client:
        alive = [key for batch in STREAMS["people"].live_keys(client) for key in batch]
    assert alive == ["0", "1", "2", "3"]


def test_a_short_page_of_people_with_a_link_is_not_the_last(vendor: Any) -> None:
    pages = {None: ([], "a"), "a": ([{"id": 1}], None)}

    def answer(request: Any) -> Any:
        people, following = pages[request.query.get("page_info")]
        link = {"Link": f'</v1/people.json?page_info={following}>; rel="next"'} if following else {}
        return 200, link, people

    vendor.answer = answer
    assert pull(vendor, "people") == ["1"]


def test_a_link_that_repeats_itself_stops(vendor: Any) -> None:
    link = '<https://api.delighted.com/v1/people.json?page_info=x>; rel="next"'
    vendor.answer = lambda request: (200, {"Link": link}, [{"id": 1}])
    with pytest.raises(GiveUp, match="pagination loop"):
        pull(vendor, "people")


def test_who_is_out_is_asked_up_to_the_night(vendor: Any) -> None:
    out = [{"person_id": str(i), "unsubscribed_at": 1_774_000_000 + i} for i in range(12)]

    def answer(request: Any) -> Any:
        number = int(request.query["page"])
        return out[(number - 1) * 5 : number * 5]

    vendor.answer = answer
    assert pull(vendor, "unsubscribes", {"cursor": 1_774_000_000}) == [str(i) for i in range(12)]
    assert vendor.requests[0].query["since"] == str(1_774_000_000 - 86_400)
    assert vendor.requests[0].query["until"] == str(int(AS_OF.timestamp()))


def test_a_429_is_waited_out_as_long_as_it_says(vendor: Any) -> None:
    answers = iter([(429, {"Retry-After": "7"}, {}), [{"id": "1", "updated_at": 1}]])
    vendor.answer = lambda request: next(answers)
    assert pull(vendor, "survey_responses") == ["1"]
    assert vendor.waits == [pytest.approx(7.0, abs=0.1)]


def test_an_answer_that_is_no_array_is_left_for_later(vendor: Any) -> None:
    vendor.answer = lambda request: {"status": 200}
    with pytest.raises(RetryLater):
        pull(vendor, "people")


def test_the_key_is_the_user_and_there_is_no_password(vendor: Any) -> None:
    import base64

    vendor.answer = lambda request: []
    pull(vendor, "people")
    scheme, _, login = vendor.requests[0].headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(login)) == ("Basic", b"secret:")


def test_a_day_is_counted_by_the_metrics(vendor: Any) -> None:
    vendor.answer = lambda request: json.loads('{"nps": 50, "response_count": 12}')
    with vendor.client(Delighted()) as client:
        assert STREAMS["survey_responses"].count(client, AS_OF, AS_OF) == 12

"""Matomo's traps: errors with 200, a list that grows at its head, days of the site's time zone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rapport.connectors.matomo import source as matomo
from rapport.connectors.matomo.source import Matomo
from rapport.errors import ConfigError, GiveUp, RetryLater

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
NOON = int(datetime(2026, 3, 29, 12, tzinfo=ZONE).timestamp())


class Twin:
    """Visits by id with the second of their last action."""

    def __init__(self, visits: dict[int, int], site: Any = None) -> None:
        self.visits = visits
        self.site = site or {"timezone": ZONE.key, "ts_created": "2026-03-28 00:00:00"}
        self.between: Any = None

    def __call__(self, request: Any) -> Any:
        form = request.body
        assert (request.method, request.path) == ("POST", "/index.php")
        assert (form["module"], form["format"], form["idSite"]) == ("API", "json", "7")
        if form["method"] == "SitesManager.getSiteFromId":
            return self.site
        assert (form["period"], form["filter_sort_order"]) == ("day", "asc")
        first = datetime.fromisoformat(form["date"]).replace(tzinfo=ZONE)
        end = (first + timedelta(days=1)).timestamp()
        after, offset = int(form.get("minTimestamp", 0)), int(form["filter_offset"])
        rows = sorted(
            (s, id) for id, s in self.visits.items() if first.timestamp() <= s < end and s > after
        )
        shown = rows[offset : offset + int(form["filter_limit"])]
        if self.between and shown:
            self.between()
            self.between = None
        return [{"idVisit": str(id), "lastActionTimestamp": s} for s, id in shown]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matomo, "LARGEST_PAGE", 5)


def pull(vendor: Any, position: Any = None, as_of: datetime = AS_OF, **options: Any) -> list[str]:
    source = Matomo(options)
    (stream,) = source.streams()
    with vendor.client(source, login="7") as client:
        pages = list(stream.pages(client, position, as_of))
    vendor.position = pages[-1].position if pages else None
    return [stream.read_key(record).key for page in pages for record in page.records]


def days(vendor: Any) -> list[str]:
    asked = [request.body["date"] for request in vendor.requests if "date" in request.body]
    return sorted(set(asked))


def test_every_visit_comes_once_also_those_that_share_a_second(vendor: Any) -> None:
    vendor.answer = Twin({id: NOON + (7 if 4 <= id < 22 else id * 60) for id in range(40)})
    assert sorted(map(int, pull(vendor))) == list(range(40))


def test_a_visit_that_goes_on_while_they_are_paged_costs_no_other(vendor: Any) -> None:
    twin = Twin({id: NOON + 60 * id for id in range(20)})
    twin.between = lambda: twin.visits.update({1: NOON + 9_000, 40: NOON + 9_100})
    vendor.answer = twin
    assert {int(key) for key in pull(vendor)} == {*range(20), 40}


def test_only_days_that_are_over_in_the_sites_time_zone_are_asked_for(vendor: Any) -> None:
    vendor.answer = Twin({})
    pull(vendor, start="2026-03-28")
    # At 03:00 UTC it is still the 30th in New York.
    assert days(vendor) == ["2026-03-28", "2026-03-29"]


def test_a_day_is_left_an_hour_to_settle(vendor: Any) -> None:
    vendor.answer = Twin({})
    midnight = datetime(2026, 3, 31, tzinfo=ZONE)
    pull(vendor, {"complete_until": "2026-03-29"}, midnight + timedelta(minutes=59))
    assert days(vendor) == ["2026-03-29"]
    pull(vendor, {"complete_until": "2026-03-29"}, midnight + timedelta(minutes=61))
    assert days(vendor) == ["2026-03-29", "2026-03-30"]


def test_the_last_day_is_read_again_for_what_a_device_sent_late(vendor: Any) -> None:
    twin = Twin({1: NOON})
    vendor.answer = twin
    assert pull(vendor) == ["1"]
    assert vendor.position == {"complete_until": "2026-03-29"}
    twin.visits[2] = NOON + 3
    assert pull(vendor, vendor.position) == ["1", "2"]


def test_the_first_day_is_the_one_before_the_site_was_made(vendor: Any) -> None:
    vendor.answer = Twin({}, [{"timezone": ZONE.key, "ts_created": "2026-03-28 04:00:00"}])
    pull(vendor)
    assert days(vendor)[0] == "2026-03-27"


def test_an_error_with_200_gives_up_and_says_what_to_check(vendor: Any) -> None:
    twin = Twin({})
    error = {"result": "error", "message": "Visits log is deactivated"}
    vendor.answer = lambda request: error if "date" in request.body else twin(request)
    with pytest.raises(GiveUp, match=r"Live\.getLastVisitsDetails with an error.*visits log"):
        pull(vendor)
    assert vendor.waits == []


def test_another_object_than_an_error_is_left_for_later(vendor: Any) -> None:
    vendor.answer = lambda request: {"value": 1}
    with pytest.raises(RetryLater):
        pull(vendor)


def test_an_order_that_is_not_kept_stops_before_a_visit_is_missed(vendor: Any) -> None:
    twin = Twin({})
    newest_first = [{"idVisit": n, "lastActionTimestamp": NOON - n} for n in range(5)]
    vendor.answer = lambda request: newest_first if "date" in request.body else twin(request)
    with pytest.raises(GiveUp, match="order of change"):
        pull(vendor)


def test_the_token_is_in_no_address(vendor: Any) -> None:
    vendor.answer = Twin({1: NOON})
    pull(vendor)
    assert all(request.body["token_auth"] == "secret" for request in vendor.requests)
    assert all(request.query == {} for request in vendor.requests)
    assert not any("secret" in str(request.headers) for request in vendor.requests)


def test_a_connection_without_a_site_says_so(vendor: Any) -> None:
    with pytest.raises(ConfigError, match="id of the site"):
        vendor.client(Matomo(), login="")


def test_a_start_that_is_no_day_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"sources\.matomo\.start"):
        Matomo({"start": "yesterday"})

"""Amplitude's traps: no data is 404, too much is 400 or 504, events show late, zips of gzips."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rapport.connectors.amplitude.source import Amplitude
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors import zipped_lines

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Twin:
    """Events by hour; a range of more than `largest` hours is too much."""

    def __init__(self, start: datetime = datetime(2026, 3, 30, 20, tzinfo=UTC)) -> None:
        self.events: dict[datetime, int] = {start + i * HOUR: i % 3 for i in range(8)}
        self.largest = 24
        self.refusal = 504

    def __call__(self, request: Any) -> Any:
        start, end = (
            datetime.strptime(request.query[name], "%Y%m%dT%H").replace(tzinfo=UTC)
            for name in ("start", "end")
        )
        if (end - start) // HOUR + 1 > self.largest:
            return self.refusal, {}, b""
        hours = [h for h in self.events if start <= h <= end and self.events[h]]
        return zipped({h: lines(h, self.events[h]) for h in hours}) if hours else (404, {}, b"")

    def uuids(self) -> list[str]:
        return [f"{h:%d%H}-{i}" for h, count in self.events.items() for i in range(count)]


def lines(hour: datetime, count: int) -> bytes:
    return b"".join(json.dumps({"uuid": f"{hour:%d%H}-{i}"}).encode() + b"\n" for i in range(count))


def zipped(hours: dict[datetime, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for hour, content in hours.items():
            archive.writestr(f"1/1_{hour:%Y-%m-%d_%H}#0.json.gz", gzip.compress(content))
    return file.getvalue()


def pull(
    vendor: Any, position: Any = None, as_of: datetime = AS_OF, start: str = "2026-03-25"
) -> tuple[list[str], Any]:
    source = Amplitude({"start": start})
    (events,) = source.streams()
    with vendor.client(source) as client:
        pages = list(events.pages(client, position, as_of))
    uuids = [json.loads(bytes(r))["uuid"] for page in pages for r in page.records]
    return uuids, pages[-1].position


def test_every_event_comes_once_and_hours_without_data_are_no_error(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    found, position = pull(vendor)
    assert found == twin.uuids()
    assert position == {"complete_until": "2026-03-31T00:00:00+00:00"}


def test_events_that_show_late_come_the_next_night(vendor: Any) -> None:
    twin = vendor.answer = Twin()
    late = datetime(2026, 3, 31, 1, tzinfo=UTC)
    count = twin.events.pop(late, 0) + 4
    first, position = pull(vendor)
    twin.events[late] = count
    second, _ = pull(vendor, position, AS_OF + timedelta(days=1))
    assert set(first) | set(second) == set(twin.uuids())


@pytest.mark.parametrize("refusal", [400, 504])
def test_a_range_that_is_too_much_is_halved(vendor: Any, refusal: int) -> None:
    twin = vendor.answer = Twin()
    twin.largest, twin.refusal = 2, refusal
    assert pull(vendor)[0] == twin.uuids()
    assert vendor.waits == []


@pytest.mark.parametrize(("refusal", "error"), [(400, GiveUp), (504, RetryLater)])
def test_an_hour_that_is_too_much_stops(vendor: Any, refusal: int, error: type[Exception]) -> None:
    twin = vendor.answer = Twin()
    twin.largest, twin.refusal = 0, refusal
    with pytest.raises(error, match="single hour"):
        pull(vendor)


def test_an_answer_that_is_no_zip_lands_nothing(vendor: Any) -> None:
    vendor.answer = lambda request: b"<html>busy</html>"
    with pytest.raises(RetryLater, match="cannot be read"):
        pull(vendor)


def test_a_zip_that_is_cut_inside_is_left_for_later(vendor: Any) -> None:
    good = zipped({AS_OF: lines(AS_OF, 500)})
    vendor.answer = lambda request: good[:40] + b"\0" * 30 + good[70:]
    with pytest.raises(RetryLater, match="damaged"):
        pull(vendor)


def test_a_bomb_is_refused(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped_lines, "LONGEST_LINE", 1024 * 1024)
    bomb = zipped({AS_OF: b"\n" * 30_000_000})
    vendor.answer = lambda request: bomb
    with pytest.raises(GiveUp, match="unpacks to more"):
        pull(vendor)


def test_a_line_that_is_too_long_is_rejected(vendor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped_lines, "LONGEST_LINE", 100)
    vendor.answer = lambda request: zipped({AS_OF: b'{"uuid": "1"}\n' + b"x" * 350 + b"\n"})
    source = Amplitude({"start": "2026-03-31"})
    with vendor.client(source) as client:
        pages = list(source.streams()[0].pages(client, None, AS_OF))
    assert [bytes(r) for page in pages for r in page.records] == [b'{"uuid": "1"}']
    assert len([r for page in pages for r in page.rejected]) == 1


def test_a_first_pull_goes_back_a_year_and_a_start_must_be_a_day(vendor: Any) -> None:
    source = Amplitude()
    vendor.answer = Twin()
    with vendor.client(source) as client:
        list(source.streams()[0].pages(client, None, AS_OF))
    assert vendor.requests[0].query["start"] == "20250401T03"
    with pytest.raises(ConfigError, match="is not a day"):
        Amplitude({"start": "spring"})

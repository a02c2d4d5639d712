"""Times: a moment is the same however it is written, and one that nobody can mean is refused."""

from datetime import UTC, datetime, timedelta
from itertools import cycle
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapport.vendors.reading.many import Hours
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.reading.times import Moments
from rapport.vendors.time_formats import checked_format

BERLIN, YORK = "Europe/Berlin", "America/New_York"
FORMATS = [
    "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%b %d, %Y %H:%M:%S",
    "%d %B %Y %H:%M:%S", "%y%m%d %H%M%S",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-01 09:59:00 +0200", "2026-02-01T07:59:00Z"),
        ("2018-01-04 15:51:23 -0800", "2018-01-04T23:51:23Z"),
        ("2026-02-01 09:59:00 UTC", "2026-02-01T09:59:00Z"),
        ("2026-02-01T09:59:00z", "2026-02-01T09:59:00Z"),
        ("2026-02-01T09:59", "2026-02-01T08:59:00Z"),
        ("2026-02-01 09:59:00.123456789", "2026-02-01T08:59:00.123456Z"),
        ("2026-07-01 09:59:00", "2026-07-01T07:59:00Z"),
        ("2026/07/01 09:59:00", "2026-07-01T07:59:00Z"),
        ("20260701", "2026-06-30T22:00:00Z"),
        ("20260701T095900Z", "2026-07-01T09:59:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("9999-12-31", "9999-12-30T00:00:00Z"),
        ("9999-12-31T23:59:59-05:00", "9999-12-30T00:00:00Z"),
        ("0001-01-01T00:00:00+02:00", "0001-01-02T00:00:00Z"),
        ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
        ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
    ],
)
def test_iso_times_are_read(text: str, moment: str) -> None:
    assert Moments(zone=BERLIN, company_zone=BERLIN).read(text) == moment


@pytest.mark.parametrize("text", ["0000-00-00 00:00:00", "0000-00-00", "00/00/0000"])
def test_the_zero_date_of_databases_is_no_date(text: str) -> None:
    assert Moments(("%d/%m/%Y",)).read(text) is None


@pytest.mark.parametrize(
    "text",
    ["2026-02-30", "2026-13-01", "2026-02-01T24:30", "03/04/2026", "45000", "2026-02-01 9:5",
     "soon", "now", "2026-W05", "2026-02-01T10:00:60", "2026-02-01 10:00 CET"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        Moments().read(text)


@pytest.mark.parametrize(
    ("format", "text", "moment"),
    [
        ("%m/%d/%Y %H:%M", "12/1/2010 8:26", "2010-12-01T08:26:00Z"),
        ("%m/%d/%Y %I:%M %p", "02/01/2026 09:59 PM", "2026-02-01T21:59:00Z"),
        ("%m/%d/%Y %I:%M %p", "02/01/2026 12:01 a.m.", "2026-02-01T00:01:00Z"),
        ("%b %d, %Y %I:%M %p", "Feb 1, 2026 9:59 PM", "2026-02-01T21:59:00Z"),
        ("%m/%d/%y", "02/01/26", "2026-02-01T00:00:00Z"),
        ("%d.%m.%y", "01.02.69", "1969-02-01T00:00:00Z"),
        ("%d %B %Y", "1 février 2026", "2026-02-01T00:00:00Z"),
        ("%d. %B %Y", "1. März 2026", "2026-03-01T00:00:00Z"),
        ("%a, %d %b %Y %H:%M:%S %z", "Sun, 01 Feb 2026 09:59:00 +0200", "2026-02-01T07:59:00Z"),
        ("%d/%b/%Y:%H:%M:%S %z", "17/Feb/2026:07:26:23 +0100", "2026-02-17T06:26:23Z"),
        ("epoch_s", "1770000000", "2026-02-02T02:40:00Z"),
        ("epoch_s", "1770000000.5", "2026-02-02T02:40:00.500000Z"),
        ("epoch_ms", "1770000000123", "2026-02-02T02:40:00.123000Z"),
        ("epoch_us", "1770000000123456", "2026-02-02T02:40:00.123456Z"),
        ("excel", "46054", "2026-02-01T00:00:00Z"),
        ("excel", "46054.5", "2026-02-01T12:00:00Z"),
    ],
)
def test_declared_formats_are_read(format: str, text: str, moment: str) -> None:
    assert Moments((format,)).read(text) == moment


@pytest.mark.parametrize(
    ("format", "text", "why"),
    [
        ("epoch_s", "1770000000000", "epoch_ms"),
        ("epoch_ms", "1770000000", "epoch_s"),
        ("epoch_ms", "1770000000000000", "epoch_us"),
        ("%d.%m.%Y", "31.02.2026", "does not exist"),
        ("%d.%m.%Y", "2026-02-01", "no time in the format"),
        ("%d.%m.%Y", "1770000000", "looks like epoch_s"),
    ],
)
def test_another_unit_or_form_is_refused_with_the_way_out(format: str, text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        Moments((format,)).read(text)


def test_several_formats_are_tried_in_turn() -> None:
    moments = Moments(("%d.%m.%Y %H:%M", "%d.%m.%Y", "epoch_s"))
    assert moments.read("1.2.2026 10:00") == "2026-02-01T10:00:00Z"
    assert moments.read("1.2.2026") == "2026-02-01T00:00:00Z"
    assert moments.read("1770000000") == "2026-02-02T02:40:00Z"


@pytest.mark.parametrize("zone", [BERLIN, YORK, "Pacific/Auckland", "Asia/Kolkata"])
def test_a_date_alone_is_that_day_of_the_companys_calendar(zone: str) -> None:
    moment = Moments(zone="UTC", company_zone=zone).read("2026-11-01")
    assert moment is not None
    assert datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date().isoformat() == (
        "2026-11-01"
    )


@pytest.mark.parametrize("format", ["%Y", "%d.%m", "%H:%M", "%Y-%m-%d %Q", "%I %d.%m.%Y", "%d%d"])
def test_a_format_that_is_no_time_is_refused(format: str) -> None:
    with pytest.raises(ValueError, match=r"write|none of"):
        checked_format(format)


@given(
    st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)).map(  # noqa: DTZ001
        lambda at: at.replace(microsecond=0)
    ),
    st.sampled_from(FORMATS),
    st.sampled_from([BERLIN, YORK, "Asia/Kolkata", "UTC"]),
)
def test_what_strftime_writes_is_what_is_read(at: datetime, format: str, zone: str) -> None:
    if format.startswith("%y") and at.year >= 2069:
        return
    found = Moments((format,), zone, zone).read(at.strftime(format))
    assert found is not None
    expected = at.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert datetime.fromisoformat(found) == expected


@given(
    st.lists(
        st.datetimes(datetime(1960, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([BERLIN, YORK, "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
    st.lists(
        st.sampled_from(["", "Z", " +0100", "+02:00", "-08", "+0530", "+99:99"]),
        min_size=1,
        max_size=3,
    ),
)
def test_many_at_once_are_read_as_one_by_one(
    times: list[datetime], zone: str, ends: list[str]
) -> None:
    cells = [f"{at:%Y-%m-%dT%H:%M:%S}{end}" for at, end in zip(times, cycle(ends), strict=False)]
    moments = Moments(zone=zone, company_zone=zone)
    at_once = Hours(moments.read).read(cells)
    assert at_once is None or at_once == [moments.read(cell) for cell in cells]


@pytest.mark.parametrize(
    "zone", [BERLIN, YORK, "Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll"]
)
def test_hours_of_days_on_which_clocks_change_are_read_as_one_by_one(zone: str) -> None:
    moments = Moments(zone=zone, company_zone=zone)
    hours = Hours(moments.read)
    start = datetime(2026, 1, 1)  # noqa: DTZ001
    days = [f"{start + timedelta(days=number):%Y-%m-%d}" for number in range(365)]
    for day in days:
        cells = [f"{day} {hour:02}:30:00" for hour in range(24)]
        at_once = hours.read(cells)
        assert at_once is None or at_once == [moments.read(cell) for cell in cells]


def test_hours_around_a_change_of_the_clock_are_read_one_by_one() -> None:
    moments = Moments(zone=BERLIN, company_zone=BERLIN)
    night = datetime(2026, 10, 24, 22)  # noqa: DTZ001
    cells = [f"{night + timedelta(minutes=15 * n):%Y-%m-%d %H:%M:%S}" for n in range(40)]
    at_once = Hours(moments.read).read(cells)
    assert at_once == [moments.read(cell) for cell in cells]

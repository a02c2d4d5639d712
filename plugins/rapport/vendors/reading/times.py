"""Times as files write them: ISO 8601 beginning with the year, or in declared formats.

A time without a zone is one of the dataset's zone. A date alone is that day of the company's
calendar. Every time ends as UTC, within the years that Postgres and Python share.

>>> moments = Moments(zone="Europe/Berlin", company_zone="Europe/Berlin")
>>> moments.read("2026-02-01 09:59"), moments.read("2026-02-01 09:59:00 -0800")
('2026-02-01T08:59:00Z', '2026-02-01T17:59:00Z')
>>> Moments(("%m/%d/%Y %H:%M",)).read("12/1/2010 8:26")
'2010-12-01T08:26:00Z'
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.time_formats import EPOCHS, SERIAL, pattern_of

_OFFSET = r"(?:\s*(?P<offset>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?))?"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?"
_ISO = (
    re.compile(
        r"(?P<year>\d{4})(?P<sign>[-/])(?P<month>\d\d)(?P=sign)(?P<day>\d\d)"
        rf"(?:[Tt ]\s*{_CLOCK}{_OFFSET})?"
    ),
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?:[Tt](?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
        rf"{_OFFSET})?"
    ),
)
_NOTHING = re.compile(r"0{4}[-/.]?00[-/.]?00(?:[T ].*)?|00[-/.]00[-/.]0{4}(?:[T ].*)?")
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d+)?")
_EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
_SERIAL_START = datetime(1899, 12, 30)  # noqa: DTZ001 - a day of the company's calendar
# One day inside of what Python can hold, so that any zone can show it.
# What an epoch of 0 stands for: nothing.
NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
# An epoch outside of these years is one in another unit.
_PLAUSIBLE = (datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da")


class Moments:
    """Reads times: `read` gives UTC in ISO 8601, or None for a time that stands for nothing."""

    def __init__(
        self, formats: Sequence[str] = (), zone: str = "UTC", company_zone: str = "UTC"
    ) -> None:
        self._formats = tuple(formats)
        self._zone, self._company_zone = ZoneInfo(zone), ZoneInfo(company_zone)
        self.expected = (
            f"a time like {' or '.join(formats)}" if formats else "a time like 2026-02-01"
        )

    def read(self, text: str) -> str | None:
        """Raises `Unreadable`."""
        if stands_for_nothing(text):
            return None
        if text.endswith(" BC"):
            return _written(EARLIEST)
        problem: Unreadable | None = None
        for format in self._formats:
            try:
                moment = self._in_format(text, format)
            except Unreadable as error:
                problem = problem or error
                continue
            if moment is not None:
                return None if moment is NO_TIME else _written(moment)
        if problem is not None:
            raise problem
        if not self._formats:
            for pattern in _ISO:
                if match := pattern.fullmatch(text):
                    return _written(self._moment(match.groupdict()))
        raise Unreadable(self._why(text))

    def _why(self, text: str) -> str:
        if not self._formats:
            return 'no ISO 8601 time; say how it is written by `format`, such as "%d.%m.%Y %H:%M"'
        if len(text) == 10 and text.isdecimal():
            return f"no time in the format {' or '.join(self._formats)}; it looks like epoch_s"
        return f"no time in the format {' or '.join(self._formats)}; `format` takes a list as well"

    def _in_format(self, text: str, format: str) -> datetime | None:
        pattern = pattern_of(format)
        if pattern is not None:
            match = pattern.fullmatch(text)
            return self._moment(match.groupdict()) if match else None
        if not _NUMBER.fullmatch(text):
            return None
        if format == SERIAL:
            return self._serial(float(text))
        return _epoch(text, format)

    def _serial(self, days: float) -> datetime:
        if not 1 <= days < 2_958_466:
            raise Unreadable("no day of a spreadsheet")
        moment = _SERIAL_START + timedelta(seconds=round(days * 86_400))
        zone = self._company_zone if days == int(days) else self._zone
        return moment.replace(tzinfo=zone)

    def _moment(self, parts: dict[str, str | None]) -> datetime:
        try:
            return self._exact(parts)
        except (ValueError, OverflowError):
            raise Unreadable("a time that does not exist") from None

    def _exact(self, parts: dict[str, str | None]) -> datetime:
        year, month, day = day_of(parts)
        hour, has_clock = _hour(parts)
        offset = parts.get("offset")
        zone: tzinfo = self._zone if has_clock else self._company_zone
        return datetime(
            year, month, day, hour,
            int(parts.get("minute") or 0), int(parts.get("second") or 0),
            int((parts.get("fraction") or "0").ljust(6, "0")[:6]),
            tzinfo=_offset(offset) if offset else zone,
        )  # fmt: skip


def stands_for_nothing(text: str) -> bool:
    """Whether programs write this where there is no time."""
    return _NOTHING.fullmatch(text) is not None or text in ("infinity", "-infinity")


def is_count(text: str) -> bool:
    """Whether a text can be a count of seconds or days."""
    return _NUMBER.fullmatch(text) is not None


def parts_of_iso(text: str) -> dict[str, str | None] | None:
    """The parts of a time in ISO 8601 that begins with its year."""
    match = next((found for pattern in _ISO if (found := pattern.fullmatch(text))), None)
    return match.groupdict() if match else None


def day_of(parts: Mapping[str, str | None]) -> tuple[int, int, int]:
    """Year, month and day, which may not exist."""
    year = int(parts.get("year") or _century(parts["short_year"] or ""))
    month = int(parts.get("month") or _months().get(_name(parts.get("name") or ""), 0))
    return year, month, int(parts["day"] or 0)


def has_time_of_day(parts: Mapping[str, str | None]) -> bool:
    """Whether a time is not midnight; raises `ValueError` for an hour that does not exist."""
    hour, _ = _hour(parts)
    return hour > 0 or any((parts.get(part) or "").strip("0") for part in ("minute", "second"))


def _hour(parts: Mapping[str, str | None]) -> tuple[int, bool]:
    if twelve := parts.get("hour12"):
        hour = int(twelve)
        if not 1 <= hour <= 12:
            raise ValueError("no hour of half a day")
        is_afternoon = (parts.get("half") or "")[:1].lower() == "p"
        return hour % 12 + (12 if is_afternoon else 0), True
    return int(parts.get("hour") or 0), parts.get("hour") is not None


def _century(digits: str) -> int:
    """Two digits of a year, as POSIX reads them: 69 to 99 are of the last century."""
    year = int(digits)
    return year + (1900 if year >= 69 else 2000)


def _offset(text: str) -> tzinfo:
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _epoch(text: str, format: str) -> datetime:
    if not text.strip("0."):
        return NO_TIME
    units = EPOCHS[format]
    whole, _, fraction = text.partition(".")
    seconds, rest = divmod(int(whole), units)
    micros = rest * (1_000_000 // units)
    if units == 1 and fraction:
        micros = int(fraction.ljust(6, "0")[:6])
    try:
        moment = _EPOCH_START + timedelta(seconds=seconds, microseconds=micros)
    except OverflowError:
        moment = LATEST
    if not _PLAUSIBLE[0] <= moment < _PLAUSIBLE[1]:
        raise Unreadable(f"not plausible as {format}: look whether it is {_other(text)}")
    return moment


def _other(text: str) -> str:
    digits = len(text.partition(".")[0].lstrip("-"))
    return "epoch_s" if digits <= 11 else "epoch_ms" if digits <= 14 else "epoch_us"


def _written(moment: datetime) -> str:
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        utc = EARLIEST if moment.year < 5000 else LATEST
    utc = min(max(utc, EARLIEST), LATEST)
    text = utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds")
    return text[:-6] + "Z"


def _name(text: str) -> str:
    return text.casefold().rstrip(".")


@cache
def _months() -> dict[str, int]:
    """The names of months in the languages of exports; a name of two months is none."""
    from babel.dates import get_month_names

    found: dict[str, set[int]] = {}
    for language in _LANGUAGES:
        for width in ("abbreviated", "wide"):
            for context in ("format", "stand-alone"):
                names = get_month_names(width, context, language)
                for number, name in names.items():
                    found.setdefault(_name(name), set()).add(number)
    known = {name: numbers.pop() for name, numbers in found.items() if len(numbers) == 1}
    return {**known, "mrz": 3, "sept": 9}

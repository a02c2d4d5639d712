"""Birth dates as files write them: a day as it is written, which no time zone moves.

The formats are those of times. A time of day is left out; one of another zone makes the day
uncertain, so it is refused unless it is midnight.

>>> BirthDates(("%d.%m.%Y %H:%M",)).read("24.12.1980")
'1980-12-24'
>>> BirthDates().read("1980-12-24T00:00:00+02:00")
'1980-12-24'
>>> BirthDates(("%d/%m/%y",), today=date(2026, 2, 1)).read("24/12/31")
'1931-12-24'
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from rapport.vendors.reading import times
from rapport.vendors.reading.problems import Unreadable
from rapport.vendors.time_formats import EPOCHS, SERIAL, pattern_of

EARLIEST = date(1880, 1, 1)
_EPOCH_START, _SERIAL_START = date(1970, 1, 1), date(1899, 12, 30)
_CLOCK = re.compile(r"[\sT,]*%-?[HIMSfpz].*")
_SECONDS_OF_A_DAY = 86_400

Parts = Mapping[str, str | None]


class BirthDates:
    """Reads birth dates: `read` gives YYYY-MM-DD, or None for one that stands for nothing."""

    def __init__(self, formats: Sequence[str] = (), today: date | None = None) -> None:
        self._formats = tuple(dict.fromkeys([*formats, *map(_without_clock, formats)]))
        # A day that begins with its year means the same in every country.
        self._reads_iso = not any(format.startswith("%Y") for format in self._formats)
        self._today = today or datetime.now(UTC).date() + timedelta(days=1)

    def read(self, text: str) -> str | None:
        """Raises `Unreadable`."""
        if times.stands_for_nothing(text):
            return None
        try:
            day = self._day(text)
        except (ValueError, OverflowError):
            raise Unreadable("a day that does not exist") from None
        if day is None:
            return None
        if not EARLIEST <= day <= self._today:
            raise Unreadable("a birth date in the future" if day > EARLIEST else "before 1880")
        return day.isoformat()

    def _day(self, text: str) -> date | None:
        """Raises `ValueError` for a day that does not exist."""
        for format in self._formats:
            if (pattern := pattern_of(format)) is None:
                if times.is_count(text):
                    return _counted(text, format)
            elif match := pattern.fullmatch(text):
                return self._written(match.groupdict())
        if self._reads_iso and (parts := times.parts_of_iso(text)):
            return self._written(parts)
        raise Unreadable(f"no day in the format {' or '.join(self._formats) or 'YYYY-MM-DD'}")

    def _written(self, parts: Parts) -> date:
        year, month, day = times.day_of(parts)
        if parts.get("offset") and times.has_time_of_day(parts):
            raise Unreadable("a time in another zone, so the day is uncertain")
        if parts.get("short_year") and date(year, month, day) > self._today:
            year -= 100
        return date(year, month, day)


def _without_clock(format: str) -> str:
    """The format of the day alone; a format of something else as it is."""
    found = _CLOCK.sub("", format)
    try:
        pattern_of(found)
    except ValueError:
        return format
    return found


def _counted(text: str, format: str) -> date | None:
    """The day of a count of seconds or days; zero seconds stand for nothing."""
    if format == SERIAL:
        return _SERIAL_START + timedelta(days=int(float(text)))
    if not text.strip("0."):
        return None
    days, rest = divmod(int(text.partition(".")[0]), EPOCHS[format] * _SECONDS_OF_A_DAY)
    if rest:
        raise Unreadable("a time in another zone, so the day is uncertain")
    return _EPOCH_START + timedelta(days=days)

"""The time of the sandbox. A night is the time at which Rapport runs, 03:00 UTC.

Times inside the sandbox are integer milliseconds since 1970 in UTC.

>>> iso(first_night(date(2026, 3, 31)))
'2026-03-31T03:00:00.000Z'
"""

from datetime import UTC, date, datetime, timedelta

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HISTORY = 90 * DAY
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - isoformat() would write +00:00, vendors write Z


def first_night(start: date) -> int:
    return int(datetime(start.year, start.month, start.day, 3, tzinfo=UTC).timestamp()) * SECOND


def today() -> date:
    """The current date in UTC. Only here does the company's time depend on the machine's clock."""
    return datetime.now(UTC).date()


def iso(moment: int) -> str:
    """A time in ISO 8601 with milliseconds."""
    return (_EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds") + "Z"


def seconds_iso(moment: int) -> str:
    """A time in ISO 8601 without a fraction."""
    return (_EPOCH + timedelta(milliseconds=moment // 1000 * 1000)).isoformat() + "Z"


def parse_iso(text: str) -> int:
    """The milliseconds of an ISO 8601 time, in UTC if it has no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)

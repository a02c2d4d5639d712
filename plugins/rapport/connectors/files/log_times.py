"""Times in logs that are not of the combined format: ISO 8601 and seconds since 1970.

>>> iso_time("2026-02-17T08:26:23+01:00"), epoch_time(1771313183.5)
('2026-02-17T07:26:23Z', '2026-02-17T07:26:23Z')
"""

from datetime import UTC, datetime


def iso_time(text: str) -> str:
    """The second in UTC, or without a zone where the text has none; raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    try:
        return _second(moment) if moment.tzinfo is None else _second(moment.astimezone(UTC)) + "Z"
    except OverflowError:
        raise ValueError("a time that does not exist") from None


def epoch_time(seconds: float) -> str:
    """The second in UTC; raises `ValueError` where it is not of this century."""
    if not 946_684_800 <= seconds < 4_102_444_800:
        raise ValueError("a time that is not in seconds since 1970")
    return _second(datetime.fromtimestamp(seconds, UTC)) + "Z"


def _second(moment: datetime) -> str:
    return moment.replace(tzinfo=None, microsecond=0).isoformat()

"""When support is open, worked out day by day in Python's own time zones.

>>> open_minutes("chat", pd.Timestamp("2026-03-28T18:00Z"), pd.Timestamp("2026-03-30T06:30Z"))
30.0
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from .crowd import ZONE

HOURS = {
    "chat": {**dict.fromkeys(range(1, 6), (8, 20)), 6: (10, 16)},
    "office": {**dict.fromkeys(range(1, 5), (9, 18)), 5: (9, 17)},
}
HOLIDAYS = {date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1)}


def open_minutes(schedule: str, begin: pd.Timestamp, end: pd.Timestamp) -> float:
    """Opening by opening, in Python's own time zones."""
    zone, total = ZoneInfo(ZONE), 0.0
    day = begin.tz_convert(ZONE).date()
    while day <= end.tz_convert(ZONE).date():
        hours = HOURS[schedule].get(day.isoweekday())
        if hours and day not in HOLIDAYS:
            opens, closes = (datetime.combine(day, time(hour), zone) for hour in hours)
            seconds = min(end, pd.Timestamp(closes)) - max(begin, pd.Timestamp(opens))
            total += max(seconds.total_seconds(), 0) / 60
        day += timedelta(days=1)
    return total

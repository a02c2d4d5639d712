"""Lines of a web server's access log in the combined format.

https://httpd.apache.org/docs/current/logs.html#combined

A line that does not have the format to the letter is refused; what stands behind the agent (a
request id) is kept as `extra`. Times become UTC. A log keeps its identity when it is rotated: it
is known by its first line.

>>> parse('::1 - - [17/May/2015:10:05:03 +0200] "GET / HTTP/1.1" 200 - "-" "curl"')["time"]
'2015-05-17T08:05:03Z'
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Line

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
# Possessive, and a time of bounded length: what a hostile line repeats is looked at once.
_QUOTED = r'"((?:[^"\\]|\\.)*+)"'
_LINE = re.compile(
    r"(\S++) (\S++) (\S++(?: \S++)*?) \[([^\]]{1,64})\] "
    rf"{_QUOTED} ([1-5]\d\d) (\d++|-) {_QUOTED} {_QUOTED}(?: (.+))?"
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")


def rows(lines: Iterator[Line]) -> Iterator[Row]:
    for number, content, problem in lines:
        try:
            if problem is not None:
                raise ValueError(problem)
            values = parse(content.decode("utf-8"))
        except UnicodeDecodeError:
            yield Row(number, content, problem="not utf-8")
        except ValueError as error:
            yield Row(number, content, problem=str(error))
        else:
            yield Row(number, content, values)


def parse(text: str) -> dict[str, Any]:
    """The parts of a line, None for `-`; raises `ValueError`."""
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError("not a line of the combined format")
    host, _, user, time, request, status, size, referrer, agent, extra = match.groups()
    words = request.split(" ")
    method, path, protocol = words if len(words) == 3 else (None, request, None)
    values = {
        "remote_host": host,
        "remote_user": _given(user),
        "time": _utc(time),
        "method": method,
        "path": _given(path),
        "protocol": protocol,
        "status": int(status),
        "bytes": None if size == "-" else int(size),
        "referrer": _given(referrer),
        "user_agent": _given(agent),
    }
    return values | {"extra": extra} if extra else values


def _given(text: str) -> str | None:
    return None if text in ("-", "") else text


@lru_cache(maxsize=1024)
def _utc(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None or match[2] not in MONTHS:
        raise ValueError("not a time of the combined format")
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (1 if sign == "+" else -1)
    try:
        moment = datetime(
            int(year), MONTHS[month], int(day), int(hour), int(minute), int(second),
            tzinfo=timezone(offset),
        )  # fmt: skip
        utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a time that does not exist") from None
    return f"{utc:%Y-%m-%dT%H:%M:%S}Z".zfill(20)

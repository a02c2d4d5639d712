"""Lines of a web server's access log: combined, common, of a load balancer, or JSON.

https://httpd.apache.org/docs/current/logs.html

Each line is judged by itself. In front of the combined format may stand the name of the site and
the addresses of X-Forwarded-For, which may also stand in quotes behind the agent, as nginx writes
them. The visitor is the first of these that is not a private address. A line that does not have a
format to the letter is refused; what stands behind the agent (a request id) is kept as `extra`.
Times become UTC. A log keeps its identity when it is rotated: it is known by its first line.

>>> parse('::1 - - [17/May/2015:10:05:03 +0200] "GET / HTTP/1.1" 200 - "-" "curl"')["time"]
'2015-05-17T08:05:03Z'
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from rapport.connectors.files import json_logs, load_balancer_logs
from rapport.connectors.files.addresses import is_address, visitor
from rapport.connectors.files.columns import with_columns
from rapport.connectors.files.datasets import Dataset
from rapport.connectors.files.encodings import not_readable
from rapport.connectors.files.places import FileError
from rapport.connectors.files.row import Row
from rapport.connectors.files.text import Line, Lines

MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
# Possessive, and a time of bounded length: what a hostile line repeats is looked at once.
_QUOTED = r'"((?:[^"\\]|\\.)*+)"'
_LINE = re.compile(
    r"([^\[\"]{1,4096}) \[([^\]]{1,64})\] "
    rf"{_QUOTED} ([1-5]\d\d) (\d{{1,18}}+|-)(?: {_QUOTED} {_QUOTED}(?: (.+))?)?"
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_W3C = (b"#Software:", b"#Version:", b"#Fields:", b"#Date:")
_PORT = re.compile(r".+:\d{1,5}")
SELDOM = ("vhost", "extra")  # which not every line has
NOBODY = ("-", "unix:", "unknown")  # in the place of a visitor's address
UNKNOWN = "not a line of the combined format"


def rows(
    lines: Iterator[Line], dataset: Dataset | None = None, needed: Sequence[str] = ()
) -> Iterator[Row]:
    """The rows.

    Raises `FileError` for a log in the W3C format (IIS, CloudFront), and for a needed column that
    no log has.
    """
    return with_columns(_rows(lines, dataset), [name for name in needed if name not in SELDOM])


def _rows(lines: Iterator[Line], dataset: Dataset | None) -> Iterator[Row]:
    encoding = dataset.encoding if dataset is not None else "utf-8"
    if isinstance(lines, Lines) and lines.encoding is not None:
        encoding = lines.encoding
    for number, content, problem, _ in lines:
        if content.startswith(_W3C):
            raise FileError(
                f"is a log in the W3C format of IIS or CloudFront (line {number}), which is not "
                "read. Turn on the NCSA format, or map its columns with `format: csv`, "
                "`delimiter: whitespace` (tab for CloudFront), `header` and `header_row`"
            )
        try:
            if problem is not None:
                raise ValueError(problem)
            values = parse(content.decode(encoding))
        except UnicodeDecodeError:
            yield Row(number, content, problem=not_readable(encoding, content))
        except ValueError as error:
            yield Row(number, content, problem=str(error))
        else:
            yield Row(number, content, values)


def parse(text: str) -> dict[str, Any]:
    """The parts of a line, None for `-`; raises `ValueError`."""
    if text.startswith("{"):
        return json_logs.parse(text, clf_time)
    match = _LINE.fullmatch(text)
    if match is None:
        if (found := load_balancer_logs.parse(text)) is not None:
            return found
        raise ValueError(UNKNOWN)
    who, time, request, status, size, referrer, agent, extra = match.groups()
    vhost, host, user = _who(who, extra)
    words = request.split(" ")
    method, path, protocol = words if len(words) == 3 else (None, request, None)
    values = {
        "remote_host": host,
        "remote_user": _given(user),
        "time": clf_time(time),
        "method": method,
        "path": _given(path),
        "protocol": protocol,
        "status": int(status),
        "bytes": None if size == "-" else int(size),
        "referrer": _given(referrer),
        "user_agent": _given(agent),
    }
    if vhost:
        values["vhost"] = vhost
    return values | {"extra": extra} if extra else values


def _who(text: str, extra: str | None) -> tuple[str | None, str | None, str]:
    """The site, the visitor and the user that stand before the time; raises `ValueError`."""
    words = text.replace(", ", ",").split(" ")
    vhost = None
    if len(words) > 3 and not _addresses(words[0]) and _is_prefixed(words):
        vhost = words.pop(0)
    hosts: list[str] = []
    while len(words) > 2 and (found := _addresses(words[0])):
        hosts += found
        del words[0]
    if not hosts and len(words) > 2:
        hosts.append(words.pop(0))
    if len(words) == 2 and is_address(words[1]):  # the proxy, where the user stands elsewhere
        hosts.append(words.pop())
        words.append("-")
    # A site's name, or an address, in the place of a user would make one person of all visitors.
    is_user = len(words) == 2 or (
        len(words) > 2 and not any(word == "-" or is_address(word) for word in words[1:])
    )
    if not hosts or not all(words) or not is_user or is_address(words[0]):
        raise ValueError(UNKNOWN)
    forwarded = (extra or "").partition('"')[2].partition('"')[0]
    known = [*_addresses(forwarded), *filter(is_address, hosts)]
    host = visitor(known) if known else (None if hosts[0] in NOBODY else hosts[0])
    return (None if vhost == "-" else vhost), host, " ".join(words[1:])


def _addresses(text: str) -> list[str]:
    """The addresses of a list with commas; X-Forwarded-For may hold `unknown` too."""
    return [one for part in text.split(",", 64) if is_address(one := part.strip())]


def _is_prefixed(words: Sequence[str]) -> bool:
    """Whether the site stands first, and the visitor behind it."""
    return bool(_addresses(words[1])) or _PORT.fullmatch(words[0]) is not None


def _given(text: str | None) -> str | None:
    return None if text in ("-", "") else text


@lru_cache(maxsize=1024)
def clf_time(text: str) -> str:
    """A time of the combined format in UTC; raises `ValueError`."""
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

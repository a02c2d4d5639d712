"""Lines of the access logs of Amazon's load balancers, classic and application.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html

>>> line = ('https 2026-02-17T07:26:23.186641Z app/lb/1 203.0.113.5:2817 10.0.0.1:80 0.0 0.0 0.0 '
...     '200 200 34 366 "GET https://shop.example:443/a?b=1 HTTP/1.1" "curl/8" - - arn:x')
>>> found = parse(line)
>>> found["remote_host"], found["path"], found["vhost"]
('203.0.113.5', '/a?b=1', 'shop.example')
"""

import re
from typing import Any
from urllib.parse import urlsplit

from rapport.connectors.files.addresses import is_address, visitor
from rapport.connectors.files.log_times import iso_time

_NUMBER = r"-?[0-9.]{1,20}"
_LINE = re.compile(
    r"(?:(?:https?|h2|grpcs?|wss?) )?(\d{4}-\d\d-\d\dT[0-9:.]{8,20}Z) (\S{1,300}) (\S{1,60}) "
    rf"\S{{1,60}} {_NUMBER} {_NUMBER} {_NUMBER} ([1-5]\d\d|-) (?:\d\d\d|-) {_NUMBER} "
    r'(\d{1,20}) "((?:[^"\\]|\\.)*+)" "((?:[^"\\]|\\.)*+)"(?: (.+))?'
)


def parse(text: str) -> dict[str, Any] | None:
    """The parts of a line; None for another format."""
    match = _LINE.fullmatch(text)
    if match is None or not is_address(match[3]):
        return None
    time, _, client, status, size, request, agent, _ = match.groups()
    words = request.split(" ")
    method, url, protocol = words if len(words) == 3 else (None, request, None)
    if method in ("-", None):
        raise ValueError("a request that the load balancer could not read")
    if status == "-":
        raise ValueError("a request without an answer")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("a request for an address that is none") from None
    path = parts.path or "/"
    return {
        "remote_host": visitor([client]),
        "remote_user": None,
        "time": iso_time(time),
        "method": method,
        "path": f"{path}?{parts.query}" if parts.query else path,
        "protocol": protocol,
        "status": int(status),
        "bytes": int(size),
        "referrer": None,
        "user_agent": None if agent in ("-", "") else agent,
        "vhost": parts.hostname,
    }

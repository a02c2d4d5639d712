"""Lines of access logs with one JSON object each: of nginx, Caddy, Traefik and alike.

nginx writes what its `log_format` says, so the usual names of each part are known. Caddy:
https://caddyserver.com/docs/caddyfile/directives/log, Traefik:
https://doc.traefik.io/traefik/observability/access-logs/

>>> found = parse('{"remote_addr": "203.0.113.5", "time_iso8601": "2026-02-17T07:26:23+00:00", '
...     '"request": "GET /a HTTP/1.1", "status": "200"}', str)
>>> found["remote_host"], found["path"], found["status"]
('203.0.113.5', '/a', 200)
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from rapport.connectors.files.addresses import is_address, visitor
from rapport.connectors.files.columns import ABSENT, value_at
from rapport.connectors.files.log_times import epoch_time, iso_time

_DECODER = msgspec.json.Decoder(dict[str, Any])
# The names of each part, best first.
NAMES = {
    "forwarded": (
        "http_x_forwarded_for", "x_forwarded_for", "request.headers.X-Forwarded-For",
        "request_X-Forwarded-For", "forwarded_for",
    ),
    "host": (
        "request.client_ip", "request.remote_ip", "remote_addr", "ClientHost", "ClientAddr",
        "client_ip", "remote_ip", "clientip", "remote_host", "client", "ip", "request.remote_addr",
    ),
    "user": ("user_id", "remote_user", "ClientUsername"),
    "time": (
        "time_iso8601", "time_local", "StartUTC", "ts", "msec", "@timestamp", "timestamp", "time",
        "StartLocal", "datetime",
    ),
    "method": ("request.method", "request_method", "RequestMethod", "method"),
    "path": ("request.uri", "request_uri", "RequestPath", "uri", "path", "url"),
    "protocol": ("request.proto", "server_protocol", "RequestProtocol", "protocol"),
    "status": ("status", "DownstreamStatus", "OriginStatus", "response_status", "status_code"),
    "bytes": (
        "body_bytes_sent", "bytes_sent", "size", "DownstreamContentSize", "OriginContentSize",
        "bytes",
    ),
    "referrer": (
        "http_referer", "http_referrer", "request.headers.Referer", "request_Referer", "referer",
        "referrer",
    ),
    "user_agent": (
        "http_user_agent", "request.headers.User-Agent", "request_User-Agent", "user_agent",
        "agent", "useragent",
    ),
    "vhost": (
        "request.host", "http_host", "RequestHost", "host", "vhost", "server_name", "RequestAddr",
    ),
}  # fmt: skip


def parse(text: str, clf_time: Callable[[str], str]) -> dict[str, Any]:
    """The parts of a line; `clf_time` reads a time of the combined format.

    Raises `ValueError`, which names the part that is not there.
    """
    try:
        line = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("not JSON") from None
    method, path, protocol = _request(line)
    status, size = _text(line, "status"), _text(line, "bytes")
    if status is None or not status.isdigit() or not 100 <= int(status) <= 599:
        raise ValueError(_without("status", status))
    return {
        "remote_host": _host(line),
        "remote_user": _text(line, "user"),
        "time": _time(line, clf_time),
        "method": method,
        "path": path,
        "protocol": protocol,
        "status": int(status),
        "bytes": int(size) if size is not None and size.isdigit() else None,
        "referrer": _text(line, "referrer"),
        "user_agent": _text(line, "user_agent"),
        "vhost": _text(line, "vhost"),
    }


def _request(line: Mapping[str, Any]) -> tuple[str | None, str, str | None]:
    request = line.get("request")
    if isinstance(request, str) and len(words := request.split(" ")) == 3:
        return words[0], words[1], words[2]
    path = _text(line, "path")
    if path is None:
        raise ValueError(_without("path", request if isinstance(request, str) else None))
    arguments = line.get("args") or line.get("query_string")
    if isinstance(arguments, str) and arguments != "-" and "?" not in path:
        path = f"{path}?{arguments.removeprefix('?')}"
    return _text(line, "method"), path, _text(line, "protocol")


def _host(line: Mapping[str, Any]) -> str:
    found = [one for part in ("forwarded", "host") for one in _addresses(line, part)]
    if not found:
        raise ValueError(_without("address of the visitor", _text(line, "host")))
    return visitor(found)


def _addresses(line: Mapping[str, Any], part: str) -> Iterator[str]:
    for text in (_text(line, part) or "").split(","):
        if is_address(text.strip()):
            yield text.strip()


def _time(line: Mapping[str, Any], clf_time: Callable[[str], str]) -> str:
    text = _text(line, "time")
    if text is None:
        raise ValueError(_without("time", None))
    if "/" in text:
        return clf_time(text)
    try:
        seconds = float(text)
    except ValueError:
        try:
            return iso_time(text)
        except ValueError:
            raise ValueError(_without("time", text)) from None
    return epoch_time(seconds)


def _text(line: Mapping[str, Any], part: str) -> str | None:
    """The first value that is given; of a list of headers the first."""
    for name in NAMES[part]:
        value = value_at(line, name)
        if isinstance(value, list) and value:
            value = ", ".join(map(str, value)) if part == "forwarded" else value[0]
        if isinstance(value, str | int | float) and value not in ("", "-"):
            return str(value)
        if value is not ABSENT and part in ("status", "path") and value not in (None, "", "-"):
            break
    return None


def _without(part: str, given: str | None) -> str:
    fault = "no" if given is None else "a strange"
    return f"a line in JSON with {fault} {part}; the logs of nginx, Caddy and Traefik are known"

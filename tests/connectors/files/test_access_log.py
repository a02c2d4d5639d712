"""Access logs: whoever writes them and however, a visitor is a visitor, or the line is refused."""

import io
import json
from typing import Any

import pytest

from rapport.connectors.files import formats
from rapport.connectors.files.access_log import parse
from rapport.connectors.files.datasets import ACCESS_LOG, Dataset
from rapport.connectors.files.places import FileError

COMBINED = '[17/Feb/2026:07:26:23 +0100] "GET /a?b=1 HTTP/1.1" 200 1175 "-" "Mozilla/5.0 (X11)"'


@pytest.mark.parametrize(
    ("before", "host", "user", "vhost"),
    [
        ("203.0.113.7 - -", "203.0.113.7", None, None),
        ("203.0.113.7 - dora", "203.0.113.7", "dora", None),
        ("::1 - Dora Doe", "::1", "Dora Doe", None),
        ("pc1.campus.example - -", "pc1.campus.example", None, None),
        ("shop.example:80 203.0.113.7 - -", "203.0.113.7", None, "shop.example:80"),
        ("shop.example 203.0.113.7 - dora", "203.0.113.7", "dora", "shop.example"),
        ("shop.example:443 2001:db8::1 - -", "2001:db8::1", None, "shop.example:443"),
        ("shop.example:80 pc1.campus.example - -", "pc1.campus.example", None, "shop.example:80"),
        ("203.0.113.7, 10.0.0.1 - -", "203.0.113.7", None, None),
        ("10.0.0.1, 203.0.113.7 - -", "203.0.113.7", None, None),
        ("10.0.0.1,203.0.113.7 - -", "203.0.113.7", None, None),
        ("unknown, 203.0.113.7 - -", "203.0.113.7", None, None),
        ("- 203.0.113.7 - -", "203.0.113.7", None, None),
        ("203.0.113.7 10.0.0.1 - dora", "203.0.113.7", "dora", None),
        ("a.example:80 10.0.0.9, 203.0.113.7 - dora", "203.0.113.7", "dora", "a.example:80"),
        ("203.0.113.7 - 10.0.0.1", "203.0.113.7", None, None),
        ("10.0.0.1 - -", "10.0.0.1", None, None),
        ("unix: - -", None, None, None),
        ("- - dora", None, "dora", None),
    ],
)  # fmt: skip
def test_the_visitor_stands_in_its_place(
    before: str, host: str | None, user: str | None, vhost: str | None
) -> None:
    found = parse(f"{before} {COMBINED}")
    assert (found["remote_host"], found["remote_user"]) == (host, user)
    assert found.get("vhost") == vhost
    assert found["time"] == "2026-02-17T06:26:23Z"
    assert found["path"] == "/a?b=1"


@pytest.mark.parametrize(
    "before",
    [
        "203.0.113.7 - - -", "203.0.113.7 -", "shop.example pc1.campus.example - -",
        "203.0.113.7 - - shop.example", "203.0.113.7  - -", "203.0.113.7 203.0.113.8 -", "-", "",
    ],
)  # fmt: skip
def test_a_line_that_may_mean_several_things_is_refused(before: str) -> None:
    with pytest.raises(ValueError, match="not a line of the combined format"):
        parse(f"{before} {COMBINED}")


def test_behind_a_proxy_the_visitor_is_the_one_that_the_proxy_names() -> None:
    assert parse(f'10.0.0.1 - - {COMBINED} "203.0.113.7, 10.0.0.2"')["remote_host"] == "203.0.113.7"
    assert parse(f'198.51.100.1 - - {COMBINED} "203.0.113.7"')["remote_host"] == "203.0.113.7"
    assert parse(f'203.0.113.7 - - {COMBINED} "-"')["remote_host"] == "203.0.113.7"
    assert parse(f'203.0.113.7 - - {COMBINED} "10.0.0.5:80"')["remote_host"] == "203.0.113.7"
    assert parse(f'unix: - - {COMBINED} "203.0.113.7"')["remote_host"] == "203.0.113.7"


def test_the_common_format_has_no_agent() -> None:
    line = '203.0.113.7 - - [17/Feb/2026:07:26:23 +0100] "GET / HTTP/1.0" 304 -'
    found = parse(line)
    assert (found["status"], found["bytes"], found["user_agent"]) == (304, None, None)
    with pytest.raises(ValueError, match="not a line"):
        parse(f"{line} 0.012")


ALB = (
    "h2 2026-02-17T07:26:23.186641Z app/shop/50dc6c495c0c9188 203.0.113.7:2817 10.0.0.1:80 0.000 "
    '0.001 0.000 {status} 200 34 366 "{request}" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
    'arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/73e2 "Root=1-5" "shop.example" "-"'
    ' 0 2026-02-17T07:26:22.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
)


def test_the_log_of_a_load_balancer_is_read() -> None:
    found = parse(ALB.format(status=404, request="GET https://shop.example:443/a?b=1 HTTP/2.0"))
    assert found == {
        "remote_host": "203.0.113.7", "remote_user": None, "time": "2026-02-17T07:26:23Z",
        "method": "GET", "path": "/a?b=1", "protocol": "HTTP/2.0", "status": 404, "bytes": 366,
        "referrer": None, "user_agent": "curl/7.46.0", "vhost": "shop.example",
    }  # fmt: skip
    classic = (
        "2026-02-17T07:26:23.1Z shop 203.0.113.7:2817 10.0.0.1:80 0.1 0.1 0.1 200 200 0 29 "
        '"GET http://shop.example:80/ HTTP/1.1" "curl/7.38.0" - -'
    )
    assert parse(classic)["path"] == "/"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "-", "request": "GET https://shop.example/ HTTP/1.1"}, "without an answer"),
        ({"status": 400, "request": "- http://shop.example:80- -"}, "could not read"),
    ],
)
def test_a_request_that_never_was_one_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(ALB.format(**change))


NGINX = {
    "time_iso8601": "2026-02-17T07:26:23+01:00", "remote_addr": "10.0.0.1", "status": "200",
    "http_x_forwarded_for": "203.0.113.7, 10.0.0.2", "request": "GET /a?b=1 HTTP/1.1",
    "http_user_agent": "Mozilla/5.0", "http_referer": "-", "remote_user": "",
    "host": "shop.example", "body_bytes_sent": "512",
}  # fmt: skip
CADDY = {
    "ts": 1771309583.5, "logger": "http.log.access", "user_id": "", "status": 200, "size": 512,
    "request": {
        "remote_ip": "10.0.0.1", "client_ip": "203.0.113.7", "method": "GET", "uri": "/a?b=1",
        "proto": "HTTP/1.1", "host": "shop.example", "headers": {"User-Agent": ["Mozilla/5.0"]},
    },
}  # fmt: skip
TRAEFIK = {
    "ClientAddr": "10.0.0.1:41", "ClientHost": "203.0.113.7", "ClientUsername": "-",
    "DownstreamStatus": 200, "DownstreamContentSize": 512, "RequestMethod": "GET",
    "RequestPath": "/a?b=1", "RequestProtocol": "HTTP/1.1", "RequestHost": "shop.example",
    "StartUTC": "2026-02-17T06:26:23.123456789Z", "request_User-Agent": "Mozilla/5.0",
    "time": "2026-02-17T06:26:24Z",
}  # fmt: skip
SPLIT = {
    "time_local": "17/Feb/2026:07:26:23 +0100", "remote_addr": "203.0.113.7", "status": 200,
    "request_method": "GET", "uri": "/a", "args": "b=1", "server_protocol": "HTTP/1.1",
    "bytes_sent": 512, "http_host": "shop.example", "http_user_agent": "Mozilla/5.0",
}  # fmt: skip


@pytest.mark.parametrize("line", [NGINX, CADDY, TRAEFIK, SPLIT], ids=lambda line: next(iter(line)))
def test_logs_in_json_say_the_same(line: dict[str, Any]) -> None:
    assert parse(json.dumps(line)) == {
        "remote_host": "203.0.113.7", "remote_user": None, "time": "2026-02-17T06:26:23Z",
        "method": "GET", "path": "/a?b=1", "protocol": "HTTP/1.1", "status": 200, "bytes": 512,
        "referrer": None, "user_agent": "Mozilla/5.0", "vhost": "shop.example",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"remote_addr": "-", "http_x_forwarded_for": ""}, "with no address of the visitor"),
        ({"remote_addr": "x", "http_x_forwarded_for": None}, "with a strange address"),
        ({"status": "0"}, "with a strange status"),
        ({"request": ""}, "with a strange path"),
        ({"time_iso8601": "soon"}, "with a strange time"),
        ({"time_iso8601": "1771309583000"}, "a time that is not in seconds since 1970"),
    ],
)
def test_a_line_in_json_that_lacks_a_part_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(json.dumps({**NGINX, **change}))


def test_each_line_of_a_mixture_is_judged_by_itself() -> None:
    lines = [f"203.0.113.7 - - {COMBINED}", json.dumps(NGINX), "{", "#comment", '{"a": 1}']
    dataset = Dataset.model_validate({"path": "x", "format": "access_log"})
    found = formats.rows(io.BytesIO("\n".join(lines).encode()), dataset, tuple(ACCESS_LOG.values()))
    assert [row.problem is None for row in found] == [True, True, False, False, False]


def test_a_column_that_no_log_has_is_refused() -> None:
    dataset = Dataset.model_validate({"path": "x", "format": "access_log"})
    line = f"203.0.113.7 - - {COMBINED}".encode()
    assert len(list(formats.rows(io.BytesIO(line), dataset, ("path", "vhost", "extra")))) == 1
    with pytest.raises(FileError, match="has no column campaign"):
        list(formats.rows(io.BytesIO(line), dataset, ("path", "campaign")))


def test_the_w3c_format_is_refused_with_what_to_do() -> None:
    content = b"#Software: Microsoft Internet Information Services 10.0\n#Fields: date time\n"
    dataset = Dataset.model_validate({"path": "x", "format": "access_log"})
    with pytest.raises(FileError, match="is a log in the W3C format of IIS or CloudFront"):
        list(formats.rows(io.BytesIO(content), dataset, ()))

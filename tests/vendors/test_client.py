"""The client against a real server on 127.0.0.1; waiting is recorded, nothing sleeps."""

import email.utils
import io
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rapport.errors import GiveUp, RetryLater
from rapport.vendors.http import Client

NOW = 1_800_000_000.0
SECRET = "s3cret-canary"
Reply = tuple[int, dict[str, str], bytes]
OK: Reply = (200, {"Content-Type": "application/json"}, b'{"ok": true}')


class Server:
    """Gives the prepared replies one after another; the last one again and again."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [OK]
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                index = min(len(server.requests), len(server.replies)) - 1
                status, headers, body = server.replies[index]
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def client(server: Server, waits: list[float]) -> Iterator[Client]:
    with _client(server, waits) as client:
        yield client


def _client(server: Server, waits: list[float], **options: Any) -> Client:
    return Client(
        server.url,
        name="example",
        headers={"Authorization": f"Bearer {SECRET}"},
        sleep=waits.append,
        now=lambda: NOW,
        **options,
    )


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": email.utils.formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"X-RateLimit-Reset": str(int(NOW + 12))}, 12.0),
        ({"X-RateLimit-Reset": "9"}, 9.0),
        ({"Retry-After": "3", "X-RateLimit-Reset": "99"}, 3.0),
        ({"X-RateLimit-Reset": "0"}, 1.0),
    ],
)
def test_a_429_is_waited_out_as_told(
    client: Client, server: Server, waits: list[float], headers: dict[str, str], seconds: float
) -> None:
    server.replies = [(429, headers, b"{}"), OK]
    assert client.json("GET", "/people") == {"ok": True}
    assert waits == [pytest.approx(seconds, abs=1)]


def test_a_429_without_a_time_backs_off_more_each_time(
    client: Client, server: Server, waits: list[float]
) -> None:
    server.replies = [(429, {}, b""), (429, {}, b""), (429, {}, b""), OK]
    client.json("GET", "/people")
    assert len(waits) == 3
    assert 0 < waits[0] < waits[2] <= 60


def test_a_retry_after_that_is_no_time_backs_off(
    client: Client, server: Server, waits: list[float]
) -> None:
    server.replies = [(429, {"Retry-After": "soon"}, b""), OK]
    client.json("GET", "/people")
    assert len(waits) == 1


def test_a_wait_that_is_too_long_is_left_to_the_scheduler(
    client: Client, server: Server, waits: list[float]
) -> None:
    server.replies = [(429, {"Retry-After": "86400"}, b""), OK]
    with pytest.raises(RetryLater) as caught:
        client.json("GET", "/people")
    assert caught.value.retry_after == 86400
    assert waits == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_broken_vendor_is_asked_a_bounded_number_of_times(
    client: Client, server: Server, waits: list[float], status: int
) -> None:
    server.replies = [(status, {}, b"oops")]
    with pytest.raises(RetryLater, match=f"example: {status} on GET /people, 6 attempts"):
        client.json("GET", "/people")
    assert len(server.requests) == 6
    assert len(waits) == 5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 301])
def test_a_refusal_for_good_is_not_tried_again(
    client: Client, server: Server, waits: list[float], status: int
) -> None:
    server.replies = [(status, {"Location": "http://127.0.0.1:1/"}, b"no")]
    with pytest.raises(GiveUp):
        client.json("GET", "/people")
    assert len(server.requests) == 1
    assert waits == []


def test_a_401_says_which_connection_to_check(client: Client, server: Server) -> None:
    server.replies = [(401, {}, b"")]
    with pytest.raises(GiveUp, match='Check the connection "example"'):
        client.json("GET", "/people")


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"ok": tr', b"", b"\xff"])
def test_a_200_that_is_no_json_is_tried_again_and_then_left(
    client: Client, server: Server, waits: list[float], body: bytes
) -> None:
    server.replies = [(200, {"Content-Type": "text/html"}, body)]
    with pytest.raises(RetryLater, match="cannot be read"):
        client.json("GET", "/people")
    server.requests.clear()
    server.replies = [(200, {"Content-Type": "text/html"}, body), OK]
    assert client.json("GET", "/people") == {"ok": True}


def test_a_body_that_is_cut_off_is_tried_again(
    client: Client, server: Server, waits: list[float]
) -> None:
    server.replies = [(200, {"Content-Length": "500", "Connection": "close"}, b'{"ok": fal'), OK]
    assert client.json("GET", "/people") == {"ok": True}
    assert len(server.requests) == 2


def test_an_answer_that_is_too_large_is_refused(server: Server, waits: list[float]) -> None:
    server.replies = [(200, {}, b"x" * 5000)]
    with _client(server, waits, max_bytes=1000) as client, pytest.raises(GiveUp, match="larger"):
        client.request("GET", "/people")
    assert len(server.requests) == 1


def test_an_answer_into_a_file_holds_only_the_last_attempt(
    client: Client, server: Server, waits: list[float]
) -> None:
    server.replies = [(503, {}, b"a long complaint"), (200, {}, b"data")]
    file = io.BytesIO()
    answer = client.request("GET", "/people", into=file)
    assert (file.getvalue(), answer.content) == (b"data", b"")


def test_a_throttle_that_is_no_429_is_waited_out(server: Server, waits: list[float]) -> None:
    server.replies = [(403, {"Retry-After": "2"}, b"slow down"), OK]
    with _client(server, waits, is_throttled=lambda a: b"slow down" in a.content) as client:
        assert client.json("GET", "/people") == {"ok": True}
    assert waits == [2.0]


@pytest.mark.parametrize(
    "reply",
    [(401, {}, b""), (500, {}, SECRET.encode()), (200, {}, SECRET.encode()), (429, {}, b"")],
)
def test_neither_secret_nor_query_string_is_in_a_message(
    client: Client, server: Server, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    server.replies = [reply]
    with (
        caplog.at_level(logging.INFO, logger="rapport"),
        pytest.raises((GiveUp, RetryLater)) as caught,
    ):
        client.json("GET", "/people", params={"email": "canary@example.com", "token": SECRET})
    said = str(caught.value) + repr(caught.value) + caplog.text
    assert "token" not in said.replace("login or token", "")
    assert SECRET not in said
    assert "canary" not in said
    assert caught.value.__cause__ is None


def test_a_host_that_is_not_there_is_left_for_later(waits: list[float]) -> None:
    with (
        Client("http://127.0.0.1:9", name="example", sleep=waits.append) as client,
        pytest.raises(RetryLater, match="ConnectError"),
    ):
        client.json("GET", "/people")


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: Server, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with _client(server, waits) as client:
        assert client.json("GET", "/people") == {"ok": True}

"""What a receiver may rely on, and where no message goes; see also the contracts."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from rapport.connectors.webhook.destination import Webhook, _Signature
from rapport.connectors.webhook.public_addresses import PinnedTransport, is_public
from rapport.errors import ConfigError, GiveUp, RetryLater
from rapport.vendors.connections import Connection
from rapport.vendors.destination import BatchRefused, Destination
from rapport.vendors.http import Client
from rapport_sandbox.doubles import logins
from rapport_sandbox.recorder import Recorder
from rapport_sandbox.vendors.webhook import signature

SECRET = logins()["webhook"]["password"]
OTHER = "whsec_YW5vdGhlci1zZWNyZXQtZm9yLXRlc3Rz"
INSIDE = [
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1",
    "fc00::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1",
]  # fmt: skip


def taken(twins: Recorder) -> list[str]:
    return [place for place, _ in twins.shelf("webhook").list("people")]


def test_the_signature_is_that_of_openssl() -> None:
    # printf 'msg_loFOjxBNrRLzqYUf.1731705121.{...}' | openssl dgst -sha256 -hmac <key> -binary
    body = b'{"event_type":"ping","data":{"success":true}}'
    request = httpx.Request(
        "POST", "https://example.com", content=body, headers={"webhook-id": "msg_loFOjxBNrRLzqYUf"}
    )
    next(_Signature(SECRET, now=lambda: 1731705121.9).auth_flow(request))
    assert request.headers["webhook-timestamp"] == "1731705121"
    expected = "v1,BhkRyDktPkq7Z/3bPeCfQdWqB/OTU6aNDYWinaG2OuU="
    assert request.headers["webhook-signature"] == expected


def test_while_the_secret_changes_both_sign() -> None:
    both = _Signature(f"{SECRET} {OTHER}")
    request = httpx.Request("POST", "https://e.com", content=b"{}", headers={"webhook-id": "m"})
    next(both.auth_flow(request))
    time = request.headers["webhook-timestamp"]
    signed = request.headers["webhook-signature"].split()
    assert signed[1] == signature(b"another-secret-for-tests", "m", time, b"{}")
    assert len(set(signed)) == 2


@pytest.mark.parametrize("secret", ["", "whsec_", "not base64!"])
def test_a_secret_that_is_none_is_refused_with_how_to_make_one(secret: str) -> None:
    with pytest.raises(ConfigError, match="token_bytes"):
        Webhook(None, Connection("webhook", host="https://example.com", password=secret))


def test_a_retry_is_the_same_message_signed_anew(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    twins.fault("webhook", "500_after")
    results = tool("webhook").upsert(make.batch(*make.people(1, 2)))
    assert all(result.accepted for result in results)
    first, second = twins.requests
    assert first["content"] == second["content"]
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert [body for _, body in twins.shelf("webhook").list("messages")] == [
        {"type": "segment.upserted", "rows": 2}
    ]


def test_the_same_batch_after_a_kill_has_the_same_id_and_leaving_another(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    for _ in range(2):
        tool("webhook").upsert(make.batch(make.person(1)))
    tool("webhook").remove(make.batch(make.person(1)))
    ids = [asked["headers"]["webhook-id"] for asked in twins.requests]
    assert ids == ["batch_1.upserted", "batch_1.upserted", "batch_1.removed"]
    assert taken(twins) == []


def test_a_row_that_the_answer_names_was_not_taken(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    bad = make.person(2, email="nobody")
    results = tool("webhook").upsert(make.batch(make.person(1), bad))
    assert [result.error for result in results] == [None, "bad_address"]
    assert taken(twins) == ["readers/customer_1"]


def test_a_batch_that_is_refused_for_its_content_is_left_to_be_halved(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    twins.gate.limits.options["webhook"] = {"strict": 1}
    people = (make.person(1), make.person(2, email="nobody"))
    with pytest.raises(BatchRefused, match="422 bad_row"):
        tool("webhook").upsert(make.batch(*people))
    results = tool("webhook", rows="each").upsert(make.batch(*people))
    assert [result.error for result in results] == [None, "422 bad_row"]


def test_one_message_a_person_where_that_is_asked_for(
    tool: Callable[..., Destination], twins: Recorder, make: Any
) -> None:
    tool("webhook", rows="each").upsert(make.batch(*make.people(1, 2)))
    ids = [asked["headers"]["webhook-id"] for asked in twins.requests]
    assert ids == ["batch_1.upserted.customer_1", "batch_1.upserted.customer_2"]
    with pytest.raises(ConfigError, match="batch or each"):
        tool("webhook", rows="some")


def answering(status: int, **headers: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, headers=headers))


def hooked(inner: httpx.BaseTransport, found: list[str], **options: Any) -> Webhook:
    """A webhook whose host has these addresses, and whose connection ends in `inner`."""
    url = "https://hooks.example.com/secret-path?token=1"
    made = Webhook(
        None, Connection("webhook", host=url, password=SECRET), sleep=lambda seconds: None
    )
    made._client.__exit__(None, None, None)
    made._client = Client(
        "https://hooks.example.com",
        name="webhook",
        auth=_Signature(SECRET),
        transport=PinnedTransport(url, look_up=lambda host, port: found, inner=inner, **options),
        sleep=lambda seconds: None,
    )
    return made


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (410, GiveUp, "wants no more"),
        (302, GiveUp, "302"),
        (401, GiveUp, 'connection "webhook"'),
        (408, RetryLater, "408"),
        (425, RetryLater, "425"),
        (503, RetryLater, "503"),
    ],
)
def test_what_an_answer_means(status: int, error: type[Exception], message: str, make: Any) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, headers={"location": "http://169.254.169.254/latest"})

    hook = hooked(httpx.MockTransport(answer), ["93.184.215.14"])
    with pytest.raises(error, match=message) as caught:
        hook.upsert(make.batch(make.person(1)))
    hook.close()
    assert "secret-path" not in str(caught.value)
    assert {request.url.host for request in asked} == {"93.184.215.14"}
    assert len(asked) == (6 if error is RetryLater else 1)


def test_the_connection_goes_to_the_judged_address_and_asks_for_the_name(make: Any) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(204)

    hook = hooked(httpx.MockTransport(answer), ["93.184.215.14", "2606:2800:21f::1"])
    hook.upsert(make.batch(make.person(1)))
    hook.close()
    (request,) = asked
    assert str(request.url) == "https://93.184.215.14/secret-path?token=1"
    assert request.headers["host"] == "hooks.example.com"
    assert request.extensions["sni_hostname"] == "hooks.example.com"


@pytest.mark.parametrize("address", INSIDE)
def test_no_message_goes_inside(address: str, make: Any) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        pytest.fail("something was sent")

    assert not is_public(address)
    hook = hooked(httpx.MockTransport(never), ["93.184.215.14", address])
    with pytest.raises(GiveUp, match="private network"):
        hook.upsert(make.batch(make.person(1)))
    hook.close()


def test_a_name_that_turns_inwards_between_two_messages_is_refused(make: Any) -> None:
    found = ["93.184.215.14"]
    hook = hooked(answering(200), found)
    hook.upsert(make.batch(make.person(1)))
    found[:] = ["127.0.0.1"]
    with pytest.raises(GiveUp, match="private network"):
        hook.upsert(make.batch(make.person(2)))
    hook.close()


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "localhost", "[::1]"])
def test_no_way_of_writing_it_leads_to_this_machine(host: str, make: Any) -> None:
    connection = Connection("webhook", host=f"https://{host}:9", password=SECRET)
    hook = Webhook(None, connection, sleep=lambda seconds: None)
    with pytest.raises(GiveUp, match="private network"):
        hook.upsert(make.batch(make.person(1)))
    hook.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "ftp://example.com",
        "https://u:p@example.com",
        "example.com",
        "https://0177.0.0.1",
    ],
)
def test_only_https_without_a_login_is_a_url(url: str) -> None:
    with pytest.raises(ConfigError, match="https URL"):
        Webhook(None, Connection("webhook", host=url, password=SECRET))


def test_a_forged_an_old_and_a_cut_message_are_refused_by_the_receiver(twins: Recorder) -> None:
    url, now = f"{twins.base}/webhook", httpx.Client(trust_env=False)
    request = now.build_request("POST", url, json={"a": 1}, headers={"webhook-id": "m"})
    next(_Signature(SECRET, now=lambda: 1731705121.0).auth_flow(request))
    assert now.send(request).status_code == 401
    request = now.build_request("POST", url, json={"a": 1}, headers={"webhook-id": "m"})
    next(_Signature(OTHER).auth_flow(request))
    assert now.send(request).status_code == 401
    next(_Signature(SECRET).auth_flow(request))
    cut = now.build_request("POST", url, content=b'{"a":', headers=dict(request.headers))
    cut.headers["content-length"] = "5"
    assert now.send(cut).status_code == 401
    now.close()
    assert twins.shelf("webhook").count("messages") == 0

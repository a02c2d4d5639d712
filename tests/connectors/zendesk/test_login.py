"""Zendesk's OAuth against its double: tokens that expire and rotate, two workers, kills."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest

from rapport.connectors.zendesk.source import Zendesk
from rapport.errors import ConfigError, GiveUp
from rapport.vendors.connections import Connection
from rapport_sandbox.vendors.zendesk import CLIENT

ME = "/api/v2/users/me"
CALL = """
import sys
from rapport.connectors.zendesk.source import Zendesk
from rapport.vendors.connections import parse
with Zendesk().client(parse("zendesk", sys.argv[1])) as client:
    client.json("GET", "/api/v2/users/me")
"""
PUBLIC = {name: CLIENT[name] for name in ("client_id", "refresh_token")}
CREDENTIALS = {name: CLIENT[name] for name in ("client_id", "client_secret")}


def host(served: Any) -> str:
    return f"{served.base}/zendesk"


def client(served: Any, extra: dict[str, str]) -> Any:
    return Zendesk().client(Connection("zendesk", host=host(served), extra=extra))


def grants(served: Any) -> list[str]:
    asked = [r["body"] for r in served.requests if r["path"].endswith("/oauth/tokens")]
    return [body["grant_type"] for body in asked]


def expire(served: Any) -> None:
    served.gate.limits.skipped += 31


@pytest.fixture
def desk(company_of_200: Any, warehouse: Any) -> Any:
    company_of_200.gate.limits.options["zendesk"] = {"expires_in": 30}
    return company_of_200


def test_client_credentials_give_a_token_and_another_when_it_has_ended(desk: Any) -> None:
    with client(desk, CREDENTIALS) as calls:
        calls.json("GET", ME)
        expire(desk)
        calls.json("GET", ME)
    assert set(grants(desk)) == {"client_credentials"}


def test_tokens_that_end_every_thirty_seconds_are_refreshed_and_kept(desk: Any) -> None:
    for _ in range(3):  # each with nothing but what the one before stored
        with client(desk, PUBLIC) as calls:
            for _ in range(3):
                calls.json("GET", ME)
                expire(desk)
    assert grants(desk) == ["refresh_token"] * 9


def test_a_token_that_is_good_is_shared_instead_of_refreshed(desk: Any) -> None:
    for _ in range(3):
        with client(desk, PUBLIC) as calls:
            calls.json("GET", ME)
    assert grants(desk) == ["refresh_token"]


def test_two_workers_refresh_once(desk: Any) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with client(desk, PUBLIC) as calls:
                calls.json("GET", ME)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert grants(desk) == ["refresh_token"]


def killed_at(served: Any, point: str, extra: dict[str, str]) -> None:
    given = {**os.environ, "RAPPORT_FAULT": point}
    login = json.dumps({"host": host(served), "extra": extra})
    done = subprocess.run([sys.executable, "-c", CALL, login], env=given, check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_kill_after_the_pair_was_stored_loses_nothing(desk: Any) -> None:
    killed_at(desk, "oauth.stored", PUBLIC)
    with client(desk, PUBLIC) as calls:
        calls.json("GET", ME)
    assert grants(desk) == ["refresh_token"]


def test_a_kill_before_the_pair_was_stored_is_healed_by_the_client_s_secret(desk: Any) -> None:
    killed_at(desk, "oauth.answered", CLIENT)
    for _ in range(2):
        with client(desk, CLIENT) as calls:
            calls.json("GET", ME)
        expire(desk)
    assert grants(desk)[:3] == ["refresh_token", "refresh_token", "client_credentials"]


def test_without_a_secret_the_error_says_what_was_lost_and_a_new_token_begins_anew(
    desk: Any,
) -> None:
    killed_at(desk, "oauth.answered", PUBLIC)
    with client(desk, PUBLIC) as calls, pytest.raises(GiveUp, match=r"interrupted.*Authorise"):
        calls.json("GET", ME)
    newest = desk.gate.limits.options["zendesk"]["oauth"]["refresh"]
    with client(desk, {**PUBLIC, "refresh_token": newest}) as calls:
        calls.json("GET", ME)


def test_an_api_token_works_and_warns_of_its_end(
    desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with Zendesk().client(desk.connection("zendesk")) as calls:
        calls.json("GET", ME)
    assert "2027-04-30" in caplog.text
    assert desk.connection("zendesk").password not in caplog.text


@pytest.mark.parametrize("extra", [{}, {"client_id": "c"}])
def test_a_connection_without_a_login_is_refused(extra: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="client_secret"):
        Zendesk().client(Connection("zendesk", host="https://x.zendesk.com", extra=extra))

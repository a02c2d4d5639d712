"""Logins: Airflow's connections in both of their forms, the sandbox where there is none."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from rapport.errors import ConfigError
from rapport.vendors.connections import Connection, find_connection, get_connection, parse
from rapport_sandbox.doubles import logins
from rapport_sandbox.recorder import Recorder


@pytest.fixture
def without_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rapport.yml").write_text("demo: false\n")
    monkeypatch.setenv("RAPPORT_CONFIG", str(tmp_path / "rapport.yml"))


def test_the_json_form_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {
        "conn_type": "http",
        "host": "https://example.zendesk.com",
        "login": "a@example.com/token",
        "password": "p@ss/w:rd",
        "port": "443",
        "extra": {"region": "eu"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ZENDESK", json.dumps(fields))
    assert get_connection("zendesk") == Connection(
        "zendesk",
        "https://example.zendesk.com",
        "a@example.com/token",
        "p@ss/w:rd",
        {"region": "eu"},
        443,
    )


def test_extra_may_be_a_text_of_json() -> None:
    assert parse("x", '{"extra": "{\\"a\\": 1}"}').extra == {"a": 1}


@pytest.mark.parametrize(
    "uri",
    [
        "http://u%40x:p%2Fw@https%3A%2F%2Fapi.example.com:99/s%2Fc?a=1&b=2",
        "postgres://user:p%40ss@localhost:5432/warehouse?sslmode=require",
        "http://https://api.example.com:80/path?__extra__=%7B%22a%22%3A+%7B%22b%22%3A1%7D%7D",
        "http://:token@api.example.com",
        "generic://example.com?next=http%3A%2F%2Fother",
    ],
)
def test_the_uri_form_is_read_as_airflow_reads_it(uri: str) -> None:
    from airflow.sdk import Connection as AirflowConnection

    theirs, ours = AirflowConnection.from_uri(uri, "x"), parse("x", uri)
    assert ours.host == theirs.host
    assert (ours.login or None, ours.password or None) == (
        theirs.login or None,
        theirs.password or None,
    )
    assert (ours.port, ours.schema) == (theirs.port, theirs.schema)
    assert ours.extra == theirs.extra_dejson


@pytest.mark.parametrize("text", ["{not json secret", "secret", "http://u:p@https://x/", "[1]"])
def test_what_cannot_be_read_is_said_without_its_content(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HUBSPOT", text)
    with pytest.raises(ConfigError, match=r"AIRFLOW_CONN_HUBSPOT: neither.*\.env\.example") as said:
        get_connection("hubspot")
    assert "secret" not in str(said.value)


def test_its_repr_shows_no_secret() -> None:
    shown = repr(parse("x", '{"host": "h", "login": "me", "password": "pw", "extra": {"k": "v"}}'))
    assert shown == "Connection(name='x', host='h', port=None, schema='')"


@pytest.mark.usefixtures("without_demo")
def test_a_missing_one_says_how_to_add_it() -> None:
    assert find_connection("hubspot") is None
    with pytest.raises(ConfigError, match=r'no connection "hubspot".*AIRFLOW_CONN_HUBSPOT'):
        get_connection("hubspot")


def test_in_the_demo_the_sandbox_stands_in(
    twins: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_SANDBOX_URL", twins.base)
    assert get_connection("zendesk").host == f"{twins.base}/zendesk"
    assert get_connection("zendesk").password == logins()["zendesk"]["password"]
    assert find_connection("nobody") is None
    monkeypatch.setenv("AIRFLOW_CONN_ZENDESK", '{"host": "https://real.example.com"}')
    assert get_connection("zendesk").host == "https://real.example.com"


@pytest.mark.usefixtures("without_demo")
def test_inside_a_task_airflow_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import airflow.sdk
    from airflow.sdk.exceptions import AirflowNotFoundException

    def get(name: str) -> airflow.sdk.Connection:
        if name != "hubspot":
            raise AirflowNotFoundException(name)
        return airflow.sdk.Connection(conn_id=name, host="h", password="pw", extra='{"a": 1}')

    monkeypatch.setattr(airflow.sdk.Connection, "get", staticmethod(get))
    assert find_connection("hubspot") is None, "outside of a task nobody answers"
    runner = SimpleNamespace(SUPERVISOR_COMMS=object())
    monkeypatch.setitem(sys.modules, "airflow.sdk.execution_time.task_runner", runner)
    found = get_connection("hubspot")
    assert (found.host, found.password, found.extra) == ("h", "pw", {"a": 1})
    assert find_connection("zendesk") is None

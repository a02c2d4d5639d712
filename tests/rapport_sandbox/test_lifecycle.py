"""One server for a project, however many ask, and none that is dead."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from rapport.cli import application
from rapport.errors import ConfigError
from rapport_sandbox.company import next_night
from rapport_sandbox.credentials import demo_connection
from rapport_sandbox.lifecycle import call, ensure_company, ensure_running, running, stop

ASK = (
    "import sys; from pathlib import Path; from rapport_sandbox.lifecycle import ensure_running;"
    "print(ensure_running(Path(sys.argv[1])))"
)


@pytest.fixture
def served(root: Path) -> Iterator[Path]:
    yield root
    stop(root)


def test_many_who_ask_at_once_get_one_server_that_outlives_them(served: Path) -> None:
    command = [sys.executable, "-c", ASK, str(served)]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {asker.communicate(timeout=60)[0].strip() for asker in askers}
    assert len(answers) == 1
    url = answers.pop()
    assert ensure_running(served) == url
    assert call(f"{url}/_sandbox/clock")["as_of"] == "2026-03-31T03:00:00Z"


def test_a_dead_server_is_noticed_and_replaced(served: Path) -> None:
    ensure_running(served)
    details = running(served)
    assert details is not None
    os.kill(details["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while running(served) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    url = ensure_running(served)
    assert call(f"{url}/_sandbox/health")["ok"] is True
    again = running(served)
    assert again is not None
    assert again["pid"] != details["pid"]


def test_another_process_on_the_port_is_not_taken_for_the_server(served: Path) -> None:
    ensure_running(served)
    file = served / "server.json"
    file.write_text(file.read_text().replace('"token": "', '"token": "x'))
    assert running(served) is None
    os.kill(int(json.loads(file.read_text())["pid"]), signal.SIGKILL)


def test_a_night_outside_the_server_is_seen_inside(served: Path) -> None:
    url = ensure_running(served)
    next_night(served)
    assert call(f"{url}/_sandbox/clock")["night"] == 2
    assert call(f"{url}/_sandbox/next-night", "POST")["night"] == 3


def test_a_body_that_is_cut_breaks_the_connection(served: Path) -> None:
    url = ensure_running(served)
    call(f"{url}/_sandbox/faults", "POST", {"vendor": "hubspot", "kind": "cut_body"})
    login = demo_connection("hubspot", url)
    headers = {"Authorization": f"Bearer {login['password']}"}
    address = f"{login['host']}/crm/v3/objects/contacts"
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(address, headers=headers)
    assert httpx.get(address, headers=headers).status_code == 200


def test_stopping_twice_is_no_mistake(served: Path) -> None:
    ensure_running(served)
    assert stop(served) is True
    assert stop(served) is False
    assert running(served) is None


def test_another_size_than_the_one_there_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="rapport sandbox reset"):
        ensure_company(root, people=5)


def test_the_command_line_walks_through_a_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))

    def run(*words: str) -> str:
        done = CliRunner().invoke(application, ["sandbox", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    try:
        assert "invented" in run("start", "--people", "30", "--start", "2026-03-31")
        assert '"night":1' in run("status", "--json")
        assert '"night":2' in run("next-night", "--json")
        assert '"hits":0' in run("fault", "zendesk", "500", "--json")
        assert run("fault", "--clear", "--json").strip() == '{"faults":[]}'
        assert run("truth").startswith("profile_id,person,note\n")
        assert '"stopped":true' in run("stop", "--json")
        run("reset")
        assert '"people":0' in run("status", "--json")
    finally:
        stop(tmp_path / "sandbox")

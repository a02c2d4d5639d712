"""Airflow's background processes: known by id and start, never mistaken for others."""

import os
import signal
import socket
import subprocess

import pytest

from rapport.errors import ConfigError, RetryLater
from rapport.operations import airflow_env, services


def remember(name: str, pid: int, started: str) -> None:
    folder = airflow_env.home() / "services"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.pid").write_text(f"{pid} {started}\n")


def test_another_process_with_the_same_id_is_not_ours_and_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        remember("scheduler", stranger.pid, "1")
        assert services.pid_of("scheduler") is None
        assert services.down() == []
        assert stranger.poll() is None
        stranger.kill()


def test_down_ends_what_is_ours_even_if_it_does_not_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "GRACE", 0.2)
    stubborn = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"]
    with subprocess.Popen(stubborn, start_new_session=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        remember("triggerer", process.pid, services._started(process.pid))
        assert services.down() == ["triggerer"]
        assert process.wait(timeout=10) == -signal.SIGKILL
    assert services.pid_of("triggerer") is None
    assert services.down() == []


def test_a_port_in_use_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("AIRFLOW__API__BASE_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: another program.*--port"):
            services._port_must_be_free()


def test_a_process_that_ends_is_said_with_the_end_of_its_log() -> None:
    remember("scheduler", os.getpid(), "1")
    (airflow_env.home() / "services" / "scheduler.log").write_text("boom\n")
    with pytest.raises(ConfigError, match=r"(?s)airflow scheduler ended.*boom"):
        services._not_healthy(["scheduler"])


def test_waiting_has_an_end() -> None:
    with pytest.raises(RetryLater, match="still waiting for scheduler"):
        services._until(lambda: "scheduler", wait=0)


def test_no_service_opens_a_second_port() -> None:
    """Their log servers listen on every interface."""
    assert "--skip-serve-logs" in services.SERVICES["scheduler"]
    assert "--skip-serve-logs" in services.SERVICES["triggerer"]
    assert airflow_env.HOST == "127.0.0.1"

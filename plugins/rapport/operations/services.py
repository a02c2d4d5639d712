"""Airflow's processes beside the embedded Postgres, in the background, on 127.0.0.1 only.

>>> up(wait=120)  # doctest: +SKIP
['api-server', 'scheduler', 'dag-processor', 'triggerer']
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from rapport.errors import ConfigError, RetryLater
from rapport.file_locks import held
from rapport.operations import airflow_env
from rapport.paths import private, project_root

# Log servers would listen on every interface; the UI reads the logs from the same disk instead.
SERVICES: dict[str, list[str]] = {
    "api-server": ["--workers", "1"],
    "scheduler": ["--skip-serve-logs"],
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}
HEALTHY = ("metadatabase", "scheduler", "triggerer", "dag_processor")
GRACE = 30.0

log = logging.getLogger(__name__)


def address() -> str:
    """The address of Airflow's UI."""
    return os.environ.get("AIRFLOW__API__BASE_URL", f"http://{airflow_env.HOST}:{airflow_env.PORT}")


def login() -> tuple[str, str]:
    """The name and password for the UI."""
    return airflow_env.LOGIN, airflow_env.generated()["password"]


def up(wait: float = 180, progress: Callable[[str], None] = lambda said: None) -> list[str]:
    """Start the services that are not running and wait until all are healthy; returns the started.

    `wait` is in seconds. Raises `ConfigError` where a process ends, `RetryLater` where it takes
    too long.
    """
    progress("Airflow's database")
    airflow_env.ensure_airflow_metadata()
    folder = airflow_env.home() / "services"
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / ".lock"):
        missing = [name for name in SERVICES if pid_of(name) is None]
        if "api-server" in missing:
            _port_must_be_free()
        for name in missing:
            progress(f"airflow {name}")
            _spawn(name)
        _until(lambda: _not_healthy(missing), wait, progress)
        _until(_dags_not_there, wait, progress)
    return missing


def down() -> list[str]:
    """Stop every running process, first by SIGTERM; returns their names."""
    folder = airflow_env.home() / "services"
    if not folder.exists():
        return []
    with held(folder / ".lock"):
        running = {name: pid for name in SERVICES if (pid := pid_of(name)) is not None}
        for pid in running.values():
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while any(pid_of(name) for name in running) and time.monotonic() < deadline:
            time.sleep(0.1)
        for name, pid in running.items():
            _signal(pid, signal.SIGKILL)
            _pid_file(name).unlink(missing_ok=True)
    return list(running)


def pid_of(name: str) -> int | None:
    """The process of a service, or None if it does not run."""
    try:
        pid, started = _pid_file(name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(pid) if _started(int(pid)) == started else None


def _pid_file(name: str) -> Path:
    return airflow_env.home() / "services" / f"{name}.pid"


def _log_file(name: str) -> Path:
    return airflow_env.home() / "services" / f"{name}.log"


def _spawn(name: str) -> None:
    with open(_log_file(name), "w", opener=private) as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", name, *SERVICES[name]],
            cwd=project_root(), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    _pid_file(name).write_text(f"{process.pid} {_started(process.pid)}\n")


def _started(pid: int) -> str:
    """When the process began, in a form without spaces; empty if it is gone.

    A process id may be given again, a pair of id and start may not.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return "" if fields[0] == "Z" else fields[19]
    asked = ["/bin/ps", "-p", str(pid), "-o", "lstart="]
    return subprocess.run(asked, capture_output=True, text=True).stdout.strip().replace(" ", "-")


def _signal(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        log.debug("process group %s is gone", pid)


def _port_must_be_free() -> None:
    host, _, port = address().rpartition("//")[2].partition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port or 80)))
        except OSError:
            raise ConfigError(
                f"{host}:{port}: another program listens there. End it, or choose another port: "
                "`rapport up --port 8081`."
            ) from None


def _until(
    missing: Callable[[], str], wait: float, progress: Callable[[str], None] = lambda said: None
) -> None:
    """Ask until nothing is missing."""
    deadline = time.monotonic() + wait
    while said := missing():
        if time.monotonic() > deadline:
            raise RetryLater(
                f"Airflow: after {wait:.0f} s still waiting for {said}. "
                f"See {airflow_env.home() / 'services'}, or call `rapport up` again."
            )
        progress(f"waiting for {said}")
        time.sleep(0.5)


def _not_healthy(spawned: list[str]) -> str:
    for name in spawned:
        if pid_of(name) is None:
            tail = "\n".join(_log_file(name).read_text(errors="replace").splitlines()[-15:])
            raise ConfigError(
                f"airflow {name} ended. Its log, {_log_file(name)}, ends with:\n{tail}"
            )
    try:
        health = httpx.get(f"{address()}/api/v2/monitor/health", timeout=5, trust_env=False).json()
    except (httpx.HTTPError, json.JSONDecodeError):
        return "api-server"
    sick = [name for name in HEALTHY if health.get(name, {}).get("status") != "healthy"]
    return ", ".join(sick)


def _dags_not_there() -> str:
    """Wait for the DAGs: their processor reads the files a moment after it is healthy."""
    if not any((project_root() / "dags").glob("*.py")):
        return ""
    return "" if dags() else "dags"


def dags() -> list[str]:
    """The ids of the DAGs that Airflow knows."""
    with httpx.Client(base_url=address(), timeout=10, trust_env=False) as client:
        name, password = login()
        answer = client.post("/auth/token", json={"username": name, "password": password})
        answer.raise_for_status()
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        found = client.get("/api/v2/dags", headers=headers, params={"limit": 100})
        found.raise_for_status()
        return sorted(dag["dag_id"] for dag in found.json()["dags"])

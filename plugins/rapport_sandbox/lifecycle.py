"""Starts, finds and stops the sandbox server of a project.

>>> base_url({"port": 8090})
'http://127.0.0.1:8090'
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

from rapport.errors import ConfigError, RetryLater
from rapport.paths import private, var_dir
from rapport_sandbox.clock import today
from rapport_sandbox.company import DATABASE, Company, Progress, locked
from rapport_sandbox.server import SERVER_FILE

START_SECONDS = 30.0
# The servers that this process started. They keep running when it ends.
_children: dict[int, subprocess.Popen[bytes]] = {}


def sandbox_root() -> Path:
    return var_dir() / "sandbox"


def base_url(details: dict[str, Any]) -> str:
    return f"http://127.0.0.1:{details['port']}"


def ensure_company(
    root: Path | None = None,
    people: int | None = None,
    seed: int | None = None,
    start: date | None = None,
    progress: Progress | None = None,
) -> Company:
    """Load the company, or generate it if there is none. Parameters default to rapport.yml.

    Raises `ConfigError` if there is a company with other parameters.
    """
    root = root or sandbox_root()
    with locked(root, "night"):
        if not (root / DATABASE).exists():
            if people is None or seed is None:
                from rapport.settings import load_settings

                wanted = load_settings().sandbox
                people = wanted.people if people is None else people
                seed = wanted.seed if seed is None else seed
            Company.generate(root, people, seed, start or today(), progress)
        company = Company.load(root)
    asked = {"people": people, "seed": seed, "start": start and start.isoformat()}
    for name, value in asked.items():
        if value is not None and value != getattr(company, name):
            raise ConfigError(
                f"sandbox: there is already a company with {name} {getattr(company, name)}, not"
                f" {value}. Run `rapport sandbox reset` to delete it first."
            )
    return company


def ensure_running(root: Path | None = None, progress: Progress | None = None) -> str:
    """Start the server if it is not running; returns its URL.

    Only one server runs, even if several processes call this. It keeps running after the caller
    ends. `RAPPORT_SANDBOX_URL` is the URL of a server elsewhere. Raises RetryLater if the server
    does not start.
    """
    if elsewhere := os.environ.get("RAPPORT_SANDBOX_URL"):
        return elsewhere.rstrip("/")
    root = root or sandbox_root()
    ensure_company(root, progress=progress)
    with locked(root, "server"):
        details = running(root)
        if details is None:
            details = _start(root)
        return base_url(details)


def running(root: Path | None = None) -> dict[str, Any] | None:
    """The pid, port and token of the running server; None if there is none."""
    root = root or sandbox_root()
    try:
        details: dict[str, Any] = json.loads((root / SERVER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not _is_alive(int(details["pid"])):
        return None
    try:
        healthy = call(f"{base_url(details)}/_sandbox/health", patience=10)
    except (OSError, ValueError):
        return None
    return details if healthy.get("token") == details["token"] else None


def reset(root: Path | None = None) -> None:
    """Stop the server and delete the company and all its files."""
    root = root or sandbox_root()
    stop(root)
    with locked(root, "night"):
        for path in root.glob(f"{DATABASE}*"):
            path.unlink()
        for folder in ("files", "files.part"):
            shutil.rmtree(root / folder, ignore_errors=True)


def stop(root: Path | None = None) -> bool:
    """Stop the server; returns whether it was running."""
    root = root or sandbox_root()
    with locked(root, "server"):
        details = running(root)
        (root / SERVER_FILE).unlink(missing_ok=True)
        if details is None:
            return False
        pid = int(details["pid"])
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 5
        while _is_alive(pid) and time.monotonic() < deadline:
            _reap(pid)
            time.sleep(0.02)
        if _is_alive(pid):
            os.kill(pid, signal.SIGKILL)
            _reap(pid)
        return True


def call(url: str, method: str = "GET", body: Any = None, patience: float = 600) -> Any:
    """Call the sandbox's controls; returns the parsed JSON. `patience` is a timeout in seconds."""
    data = None if body is None else json.dumps(body).encode()
    if not url.startswith(("http://", "https://")):
        raise ConfigError("sandbox: RAPPORT_SANDBOX_URL must begin with http:// or https://.")
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - checked above
    # Ignore proxies of the environment, which cannot reach this machine's own address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=patience) as answer:
        return json.load(answer)


def _start(root: Path) -> dict[str, Any]:
    token = secrets.token_hex(16)
    (root / SERVER_FILE).unlink(missing_ok=True)
    with open(root / "server.log", "ab", opener=private) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rapport_sandbox", str(root), token],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _children[process.pid] = process
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        details = running(root)
        if details is not None:
            return details
        time.sleep(0.05)
    raise RetryLater("sandbox: the server did not start. See server.log in the sandbox's folder.")


def _is_alive(pid: int) -> bool:
    _reap(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reap(pid: int) -> None:
    """Reap a server that this process started, so that a zombie does not count as running."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]

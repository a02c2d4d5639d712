"""A proxy before Postgres that cuts, swallows, or lets somebody be killed after so many bytes.

>>> with Proxy(address, after=4096, then=Proxy.reset) as proxy:  # doctest: +SKIP
...     psycopg.connect(proxy.url)
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import urlsplit

NEVER = 1 << 62


class Proxy:
    """Passes bytes on until `after` of them came from the client, then calls `then` once."""

    def __init__(
        self, url: str, *, after: int = NEVER, then: Callable[["Proxy"], None] | None = None
    ) -> None:
        parts = urlsplit(url)
        self.target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        self.after, self.then = after, then
        self.passed = 0
        self.is_swallowing = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        port = self._server.getsockname()[1]
        place = parts.netloc.rpartition("@")[0]
        self.url = parts._replace(netloc=f"{place}@127.0.0.1:{port}").geturl()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.close()
        self.reset()

    def reset(self) -> None:
        """End every connection hard, as a machine that is gone does."""
        for pair in self._pairs:
            for side in pair:
                with contextlib.suppress(OSError):
                    # Linger of zero: a reset instead of an orderly end.
                    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
                side.close()

    def swallow(self) -> None:
        """From here on the client gets no answer, though the server does what it was told."""
        self.is_swallowing = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            self._pairs.append((client, server))
            for one, other, counts in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=(one, other, counts), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        try:
            while data := one.recv(8192):
                if counts:
                    data = self._count(data)
                elif self.is_swallowing:
                    self.reset()
                    return
                other.sendall(data)
        except OSError:
            return
        finally:
            # Who is gone is gone for the other side too: a killed client, a server that ended.
            with contextlib.suppress(OSError):
                other.shutdown(socket.SHUT_WR)

    def _count(self, data: bytes) -> bytes:
        """Let as many bytes through as may be, then do what was asked for."""
        with self._lock:
            left = self.after - self.passed
            self.passed += len(data)
            if len(data) < left or self.then is None:
                return data
            then, self.then = self.then, None
        if then is not Proxy.swallow:
            data = data[: max(left, 0)]
        then(self)
        return data

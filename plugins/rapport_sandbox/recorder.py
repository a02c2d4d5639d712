"""Serves the doubles on a port of the test's own process and records every request.

>>> with serve() as doubles:  # doctest: +SKIP
...     doubles.connection("postbox").host
'http://127.0.0.1:40123/postbox'
"""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from rapport.vendors.connections import Connection
from rapport_sandbox.app import create_app
from rapport_sandbox.call_gate import Gate
from rapport_sandbox.credentials import connection_of
from rapport_sandbox.doubles import logins, stated
from rapport_sandbox.shelf import Shelf
from rapport_sandbox.store import decode

# What a destination cannot do without in rapport.yml, and what a segment says for it, where that is
# not a list for e-mail.
OPTIONS: dict[str, dict[str, Any]] = stated("OPTIONS")
SEGMENTS: dict[str, dict[str, Any]] = stated("SEGMENT")


class Recorder:
    """An ASGI application that records the requests to an inner one, which tests can replace."""

    def __init__(self) -> None:
        self.app: Any = None
        self.base = ""
        self.requests: list[dict[str, Any]] = []
        self.now: Callable[[], float] = time.monotonic

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, messages, more = b"", [], True
        while more:
            messages.append(await receive())
            body += messages[-1].get("body", b"")
            more = messages[-1].get("more_body", False)
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        request = {
            "at": self.now(),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": headers,
            "content": body,
            "body": _read(body, headers.get("content-type", "")),
        }
        self.requests.append(request)

        async def again() -> Any:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)

    @property
    def writes(self) -> list[dict[str, Any]]:
        """The requests that write: all except GET and searches."""
        reads = ("/search", "/batch/read", "/search/emails", "/v1/customers", "/token",
                 "/composite", "/coql")  # fmt: skip
        return [
            request
            for request in self.requests
            if request["method"] != "GET" and not request["path"].endswith(reads)
        ]

    def calls(self, *paths: str) -> list[str]:
        """`METHOD /path` of each write, or of those with one of these paths; clears the record."""
        found = [f"{request['method']} {request['path']}" for request in self.writes]
        self.requests.clear()
        return [call for call in found if not paths or call.endswith(paths)]

    def connection(self, vendor: str, name: str = "") -> Connection:
        """The connection to a vendor's double on this port."""
        return Connection(name=name or vendor, **connection_of(vendor, self.base, logins()[vendor]))

    @property
    def gate(self) -> Gate:
        gate: Gate = self.app.state.gate
        return gate

    def shelf(self, vendor: str) -> Shelf:
        """The vendor's records, to read and to change."""
        return Shelf(self.gate.database, vendor)

    def violations(self) -> list[dict[str, Any]]:
        """The recorded violations: calls that no connector may make."""
        rows = self.gate.database.execute("select body from violations order by id")
        return [decode(row[0]) for row in rows]

    def fault(self, vendor: str, kind: str, **more: Any) -> None:
        """Plan a fault, with the keys of `rapport_sandbox.faults.Plan`."""
        self.gate.faults.add({"vendor": vendor, "kind": kind, **more})

    @contextmanager
    def company(self, root: Path, folder: Path) -> Iterator[None]:
        """Serve a copy of the company in `root`, created in `folder`, with an empty record."""
        self.app = create_app(Path(shutil.copytree(root, folder)))
        self.requests.clear()
        yield
        self.gate.database.close()


@contextmanager
def serve() -> Iterator[Recorder]:
    """Yield a recorder that listens on a free port of 127.0.0.1."""
    recorder = Recorder()
    config = uvicorn.Config(
        recorder, host="127.0.0.1", port=0, log_level="critical", ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    recorder.base = f"http://127.0.0.1:{port}"
    yield recorder
    server.should_exit = True
    thread.join(10)


def _read(body: bytes, content_type: str) -> Any:
    if not body:
        return None
    if "x-www-form-urlencoded" in content_type:
        return dict(parse_qsl(body.decode()))
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")

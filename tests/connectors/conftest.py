"""A vendor on 127.0.0.1 that answers as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from rapport.connectors import all_destinations
from rapport.vendors.connections import Connection
from rapport.vendors.destination import Audience, Batch, Destination, Person
from rapport.vendors.http import Client
from rapport.vendors.source import Page, Source
from rapport_sandbox.company import Company
from rapport_sandbox.recorder import Recorder, serve

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass
class Vendor:
    """`answer` gets a request and gives status, headers and body; dicts are sent as JSON."""

    url: str = ""
    answer: Callable[[Request], Any] = lambda request: (404, {}, b"")
    requests: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def client(self, source: Source, login: str = "key") -> Client:
        connection = Connection(source.name, host=self.url, login=login, password="secret")
        client = source.client(connection)
        client._sleep = self.waits.append
        return client


def _read(body: bytes) -> Any:
    """JSON, or a form."""
    try:
        return json.loads(body)
    except ValueError:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = _read(self.rfile.read(size)) if size else None
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            request = Request(self.command, parts.path, query, body, dict(self.headers))
            vendor.requests.append(request)
            given = vendor.answer(request)
            status, headers, content = given if isinstance(given, tuple) else (200, {}, given)
            if not isinstance(content, bytes):
                content = json.dumps(content).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _handle  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    vendor.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield vendor
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator["Twins"]:
    """The sandbox's doubles of a small company, in a thread of this process."""
    Company.generate(tmp_path / "company", 60, seed=3, start=date(2026, 3, 31))
    with serve() as recorder, recorder.company(tmp_path / "company", tmp_path / "copy"):
        yield Twins(recorder)


@dataclass
class Twins:
    """What is asked of the doubles, and clients that are logged in; nothing sleeps."""

    recorder: Recorder
    waits: list[float] = field(default_factory=list)

    def client(self, source: Source) -> Client:
        client = source.client(self.recorder.connection(source.name))
        client._sleep = self.waits.append
        return client

    def pages(self, source: Source, stream: str, position: Any = None) -> Iterator[Page]:
        with self.client(source) as client:
            found = {one.name: one for one in source.streams()}[stream]
            yield from found.pages(client, position, AS_OF)

    def rows(self, source: Source, stream: str, position: Any = None) -> list[dict[str, Any]]:
        pages = self.pages(source, stream, position)
        return [json.loads(bytes(record)) for page in pages for record in page.records]


@pytest.fixture(scope="session")
def some_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("twins") / "company"
    Company.generate(root, 200, seed=1, start=date(2026, 3, 31))
    return root


@pytest.fixture
def company_of_200(served: Recorder, some_people: Path, tmp_path: Path) -> Iterator[Recorder]:
    """The sandbox's twins on a port of this machine, with a record of what is asked."""
    with served.company(some_people, tmp_path / "company"):
        yield served


@pytest.fixture
def pulled(company_of_200: Recorder) -> Twins:
    return Twins(company_of_200)


@pytest.fixture
def tool(twins: Recorder) -> Iterator[Callable[..., Destination]]:
    """Opens a destination against its double; nothing sleeps."""
    made: list[Destination] = []

    def open_tool(name: str, **options: Any) -> Destination:
        kind = all_destinations()[name]
        connection = twins.connection(name) if kind.needs_connection else None
        made.append(kind(options, connection, sleep=lambda seconds: None))
        return made[-1]

    yield open_tool
    for one in made:
        one.close()


class Make:
    """People, lists and batches that nobody cares about in detail."""

    audience = Audience("readers", "Readers", "email", "marketing", {"score": "integer"})

    def person(self, number: int, **fields: Any) -> Person:
        values = {
            "email": f"p{number}@example.com",
            "full_name": f"Person {number}",
            "traits": {"score": number},
        }
        return Person(f"customer_{number}", **{**values, **fields})

    def people(self, *numbers: int) -> list[Person]:
        return [self.person(number) for number in numbers]

    def batch(
        self, *people: Person, id: str = "batch_1", audience: Audience | None = None
    ) -> Batch:
        return Batch(id, audience or self.audience, people, "20260331T030000Z-01", AS_OF)


@pytest.fixture
def make() -> Make:
    return Make()

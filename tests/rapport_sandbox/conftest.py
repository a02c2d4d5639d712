"""One small invented company a session, copied for each test that needs its own."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from rapport_sandbox.app import create_app
from rapport_sandbox.company import Company
from rapport_sandbox.doubles import logins

START = date(2026, 3, 31)
PEOPLE = 600
# The vendors with people of their own; a tool that only receives is in tests/destinations.
READ: dict[str, tuple[str, dict[str, Any]]] = {
    "hubspot": ("/crm/v3/objects/contacts", {}),
    "zendesk": ("/api/v2/incremental/tickets/cursor", {"start_time": 0}),
    "typeform": ("/forms", {}),
    "amplitude": ("/api/2/export", {"start": "20260330T00", "end": "20260330T23"}),
    "intercom": ("/contacts", {}),
}


@pytest.fixture
def reads() -> dict[str, tuple[str, dict[str, Any]]]:
    """One harmless call of each vendor: path and query."""
    return READ


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a company at its first night; tests only read it."""
    root = tmp_path_factory.mktemp("sandbox") / "first"
    Company.generate(root, PEOPLE, seed=7, start=START)
    return root


@pytest.fixture
def root(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / "sandbox"))


class Client:
    """Calls the application in this very process, one call after the other."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())

    def get(self, path: str) -> Any:
        return self.request("GET", path).json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.request("POST", path, json=body or {}).json()

    def delete(self, path: str) -> Any:
        return self.request("DELETE", path).json()


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    app = create_app(root)
    yield Client(app)
    app.state.gate.database.close()


class Vendor:
    """Calls one vendor's double with its demo login."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name, self.login = client, name, logins()[name]

    def __call__(self, method: str, path: str, **options: Any) -> Any:
        if self.login["login"]:
            options.setdefault("auth", (self.login["login"], self.login["password"]))
        else:
            bearer = {"Authorization": f"Bearer {self.login['password']}"}
            options.setdefault("headers", bearer)
        return self.client.request(method, f"/{self.name}{path}", **options)

    def get(self, path: str, **params: Any) -> Any:
        return self("GET", path, params=params)

    def post(self, path: str, body: Any) -> Any:
        return self("POST", path, json=body)

    def put(self, path: str, body: Any) -> Any:
        return self("PUT", path, json=body)

    def delete(self, path: str) -> Any:
        return self("DELETE", path)


@pytest.fixture
def vendor(client: Client) -> Callable[[str], Vendor]:
    return lambda name: Vendor(client, name)


@pytest.fixture
def hubspot(client: Client) -> Vendor:
    return Vendor(client, "hubspot")


@pytest.fixture
def zendesk(client: Client) -> Vendor:
    return Vendor(client, "zendesk")


@pytest.fixture
def typeform(client: Client) -> Vendor:
    return Vendor(client, "typeform")


@pytest.fixture
def amplitude(client: Client) -> Vendor:
    return Vendor(client, "amplitude")


@pytest.fixture
def intercom(client: Client) -> Vendor:
    return Vendor(client, "intercom")

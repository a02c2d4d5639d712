"""A running api-server of Airflow with the plugin, for the tests that log in.

>>> with running(postgres, company, folder, {"otto": "op"}) as airflow:  # doctest: +SKIP
...     airflow.get("/rapport/runs", "otto").status_code
200
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.conftest import ROOT, drop_database, point_to


class Airflow:
    """A running api-server, and the tokens of its users."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx.Client(base_url=address, trust_env=False, timeout=60)

    def token(self, name: str) -> str:
        asked = {"username": name, "password": password_of(name)}
        answer = self.client.post("/auth/token", json=asked).raise_for_status()
        return str(answer.json()["access_token"])

    def get(self, path: str, name: str | None = None, cookie: bool = False) -> httpx.Response:
        headers = {}
        if name and cookie:
            headers = {"Cookie": f"_token={self.token(name)}"}
        elif name:
            headers = {"Authorization": f"Bearer {self.token(name)}"}
        return self.client.get(path, headers=headers)


def password_of(name: str) -> str:
    """What a user of these tests types."""
    return f"password of {name}"


@contextmanager
def running(
    postgres: str,
    company: str,
    folder: Path,
    users: Mapping[str, str],
    settings: Mapping[str, str] | None = None,
) -> Iterator[Airflow]:
    """An api-server on a metadata database of its own, with users by role."""
    var = folder / "var"
    home = var / "airflow"
    home.mkdir(parents=True)
    passwords = home / "logins.json"
    passwords.write_text(json.dumps({name: password_of(name) for name in users}))
    database = f"{company}_{folder.name}".lower()
    with psycopg.connect(postgres, autocommit=True) as admin, pytest.MonkeyPatch.context() as patch:
        admin.execute(f"create database {database} template template0")
        point_to(patch, postgres, company)
        metadata = re.sub(r"/[^/]+$", f"/{database}", postgres)
        patch.setenv("RAPPORT_VAR", str(var))
        patch.setenv("AIRFLOW_HOME", str(home))
        patch.setenv(
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
            metadata.replace("postgresql://", "postgresql+psycopg2://", 1),
        )
        listed = ",".join(f"{name}:{role}" for name, role in users.items())
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", listed)
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE", str(passwords))
        for name, value in (settings or {}).items():
            patch.setenv(name, value)
        address, log = var / "address.json", var / "server.log"
        with log.open("w") as output:
            server = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("airflow_server.py")), str(address),
                 json.dumps({name: [role, password_of(name)] for name, role in users.items()})],
                stdout=output, stderr=subprocess.STDOUT, cwd=ROOT,
            )  # fmt: skip
        try:
            deadline = time.monotonic() + 400
            while not address.exists():
                assert server.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < deadline, log.read_text()[-3000:]
                time.sleep(0.1)
            airflow = Airflow(json.loads(address.read_text())["address"])
            with airflow.client:
                yield airflow
        finally:
            server.terminate()
            server.wait(30)
            drop_database(admin, database)

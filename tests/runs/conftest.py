"""A whole company in a folder of its own, and nights run as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml

from rapport.paths import project_root

START = "2026-03-31"
PUBLISHED = ("marts", "marts_pii")
RAPPORT = [sys.executable, "-c", "from rapport.cli import app; app()"]


@dataclass
class Company:
    """An invented company with its own warehouse, vendors and tools."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    patience: float = 600

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if "AIRFLOW" not in name}
        return {
            **ours,
            "RAPPORT_VAR": str(self.folder / "var"),
            "RAPPORT_CONFIG": str(self.folder / "rapport.yml"),
            **self.settings,
        }

    def rapport(self, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*RAPPORT, *args],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=self.patience,
            check=False,
        )

    def night(self, **environment: str) -> dict[str, Any]:
        done = self.rapport("run", "--json", **environment)
        assert done.returncode in (0, 1), done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    def next_night(self) -> None:
        done = self.rapport("sandbox", "next-night", "--json")
        assert done.returncode == 0, done.stderr

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        url = self.settings.get("AIRFLOW_CONN_WAREHOUSE") or self.url()
        with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload,no-any-return]

    def change(self, statement: str) -> None:
        with psycopg.connect(
            self.settings.get("AIRFLOW_CONN_WAREHOUSE") or self.url()
        ) as warehouse:
            warehouse.execute(statement.encode())

    def hashes(self) -> dict[str, str]:
        """What every published table holds, as one hash each."""
        url = self.settings.get("AIRFLOW_CONN_WAREHOUSE") or self.url()
        with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
            tables = connection.execute(
                "select schemaname, tablename from pg_tables where schemaname = any(%s)"
                " or (schemaname, tablename) in"
                " (('segments', 'membership'), ('identity', 'members'))",
                (list(PUBLISHED),),
            ).fetchall()
            found = {}
            for schema, table in tables:
                row = "(profile_id, customer_id)" if schema == "identity" else "t"
                hashed = connection.execute(
                    "select md5(string_agg(line, e'\\n' order by line collate \"C\"))"
                    f" from (select {row}::text as line from {schema}.{table} as t) as lines"
                ).fetchone()
                assert hashed is not None
                found[f"{schema}.{table}"] = hashed[0]
            return found

    @property
    def tool_url(self) -> str:
        server = json.loads((self.folder / "var" / "sandbox" / "server.json").read_text())
        return f"http://127.0.0.1:{server['port']}"

    def tool(self, path: str) -> Any:
        return httpx.get(f"{self.tool_url}/_sandbox/{path}", timeout=60).json()

    def url(self, database: str = "warehouse", login: str | None = None) -> str:
        """The address of a database of the company's own server."""
        call = f"embedded.url({database!r}, {login!r})"
        code = f"from rapport.warehouse import embedded; print({call})"
        return subprocess.run(
            [sys.executable, "-c", code],
            env=self.environment, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip

    def writes(self) -> int:
        """How often the messaging tool was told something."""
        return int(self.tool("calls")["writes"].get("intercom", 0))

    def close(self) -> None:
        self.rapport("sandbox", "stop")
        self.rapport("db", "remove", "--yes")


def found(folder: Path, **changes: Any) -> Company:
    """A company of 150 people whose first night is the same in every test."""
    settings = yaml.safe_load((project_root() / "rapport.yml").read_text())
    settings["sandbox"] = {"people": 150, "seed": 7}
    settings["destinations"]["files"] = {"path": str(folder / "exports")}
    for key, value in changes.items():
        settings[key] = value
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    (folder / "rapport.yml").write_text(yaml.safe_dump(settings))
    company = Company(folder)
    done = company.rapport("sandbox", "start", "--start", START, "--json")
    assert done.returncode == 0, done.stderr
    return company


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("company")
    folder.parent.chmod(0o711)
    company = found(folder)
    # Its nights run where no superuser can log in.
    with psycopg.connect(company.url("postgres", "postgres"), autocommit=True) as server:
        server.execute("alter role postgres nologin")
    yield company
    company.close()

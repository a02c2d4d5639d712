"""A push that is killed at any named point, run again: the receiver holds the same people."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rapport import faults

from ..faults.tally import kill

PEOPLE = [f"p{number:03}" for number in range(120)]
POINTS = sorted(point for point in faults.POINTS if point.startswith("activation."))
PUSH = """
from datetime import UTC, datetime
from rapport import activation
as_of = datetime(2026, 3, 31, 3, tzinfo=UTC)
activation.plan("20260331T030000Z-01", as_of)
activation.push("20260331T030000Z-01", as_of, "{tool}")
"""


@pytest.fixture
def project(world: Any, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one segment of 120 people for Intercom's double and for files."""
    from rapport_sandbox.doubles import logins

    home = tmp_path / "project"
    folder = home / "dbt_project" / "models" / "segments"
    folder.mkdir(parents=True)
    options = {
        "demo": False,
        "destinations": {
            "intercom": {"requests_per_minute": 1_000_000},
            "files": {"path": "exports"},
        },
    }
    (home / "rapport.yml").write_text(yaml.safe_dump(options))
    declared = {
        "key": "readers", "name": "Readers", "description": "People that a test made up here.",
        "owner": "tests", "purpose": "marketing", "channel": "email", "traits": {"score": "score"},
        "destinations": ["intercom", "files"], "size_band": [0, 1000], "expires": "2030-01-01",
        "needs": ["orders"],
    }  # fmt: skip
    model = {"name": "seg_readers", "config": {"meta": {"segment": declared}}}
    (folder / "seg_readers.yml").write_text(yaml.safe_dump({"models": [model]}))
    (folder / "seg_readers.sql").write_text("table marts.people_of_readers\n")
    monkeypatch.setenv("RAPPORT_HOME", str(home))
    connection = {"host": f"{base}/intercom", **logins()["intercom"]}
    monkeypatch.setenv("AIRFLOW_CONN_INTERCOM", json.dumps(connection))
    world.customers(*PEOPLE)
    world.members("readers", *PEOPLE)
    from datetime import UTC, datetime

    from rapport import activation

    activation.evaluate("20260331T030000Z-01", datetime(2026, 3, 31, 3, tzinfo=UTC))
    return home


def push(tool: str, fault: str | None = None) -> int:
    environment = {**os.environ, "RAPPORT_CODE_VERSION": "test"}
    if fault:
        environment["RAPPORT_FAULT"] = fault
    done = subprocess.run(
        [sys.executable, "-c", PUSH.format(tool=tool)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def held(base: str) -> list[tuple[str, Any]]:
    state = httpx.get(f"{base}/_sandbox/state/intercom", timeout=30).text
    assert "rapport_readers" in state
    contacts = httpx.get(
        f"{base}/intercom/contacts",
        params={"per_page": 150},
        headers={"Authorization": "Bearer demo-not-a-secret-intercom"},
        timeout=30,
    ).json()["data"]
    return sorted(
        (contact["external_id"], contact["custom_attributes"], contact["tags"]["total_count"])
        for contact in contacts
        if contact["external_id"]
    )


@pytest.mark.parametrize("fault", [*POINTS, "activation.answered:2", "activation.intended:3"])
def test_intercom_holds_the_same_after_a_kill(
    project: Path,
    world: Any,
    base: str,
    fault: str,
    record_property: Any,
) -> None:
    assert push("intercom", fault) == -signal.SIGKILL
    record_property(*kill("push to Intercom", fault))
    in_flight = world.connection.execute(
        "select count(*) from activation.ledger where state = 'sending'"
    ).fetchone()[0]
    assert in_flight <= 50
    assert push("intercom") == 0
    assert held(base) == [(key, {"score": 1}, 1) for key in PEOPLE]
    sent = world.connection.execute(
        "select count(*), count(distinct customer_id) from activation.receipts"
    ).fetchone()
    assert sent == (120, 120)
    assert push("intercom") == 0
    assert world.connection.execute("select count(*) from activation.receipts").fetchone() == (120,)


def exported(project: Path) -> dict[str, int]:
    """Every path below the exports, with the time of its last change."""
    folder = project / "exports"
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.parametrize("fault", POINTS)
def test_files_are_the_same_after_a_kill(
    project: Path,
    fault: str,
    record_property: Any,
) -> None:
    assert push("files", fault) == -signal.SIGKILL
    record_property(*kill("push to files", fault))
    assert not list((project / "exports").rglob("*.csv"))
    assert push("files") == 0
    manifest = json.loads(next((project / "exports").rglob("manifest.json")).read_text())
    assert {entry["kind"]: entry["rows"] for entry in manifest["files"]} == {
        "full": 120,
        "added": 120,
        "removed": 0,
    }
    before = exported(project)
    assert push("files") == 0
    assert exported(project) == before

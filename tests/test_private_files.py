"""What holds people or a service's talk is its owner's, from the first byte, whatever the umask."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rapport.connectors.files.export_places import Folder
from rapport.identity.matching import review
from rapport.identity.rules import load_rules
from rapport.operations import airflow_env, services
from rapport.operations.local_run import _talk_to
from rapport.paths import private_file


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def no_chmod(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file keeps the mode that it was made with: what others saw before a chmod is left."""
    for name in ("chmod", "fchmod"):
        monkeypatch.setattr(os, name, lambda *arguments, **options: None)
    monkeypatch.setattr(Path, "chmod", lambda *arguments, **options: None)


def open_to_others(root: Path) -> list[str]:
    """The files with content that somebody else could read."""
    return [
        str(path)
        for path in root.rglob("*")
        if path.is_file() and path.stat().st_size and path.stat().st_mode & 0o077
    ]


def test_an_export_is_nobody_else_s_before_it_has_its_mode(tmp_path: Path, no_chmod: None) -> None:
    source = tmp_path / "draft"
    with open(source, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("people")
    Folder(tmp_path / "out", 0o600).put(source, "readers/full.csv")
    assert (tmp_path / "out" / "readers" / "full.csv").read_text() == "people"
    assert open_to_others(tmp_path) == []


def test_a_draft_that_a_kill_left_open_is_closed_before_it_is_written(tmp_path: Path) -> None:
    left = tmp_path / f".full.csv.{os.getpid()}"
    left.write_text("")
    source = tmp_path / "draft"
    source.write_text("people")
    Folder(tmp_path, 0o640).put(source, "full.csv")
    assert (tmp_path / "full.csv").stat().st_mode & 0o777 == 0o640


def test_pairs_for_review_and_private_files_are_their_owner_s(tmp_path: Path) -> None:
    class Nobody:
        def execute(self, *asked: Any) -> Any:
            return self

        def fetchall(self) -> list[Any]:
            return []

    rules = load_rules({"matching": {"enabled": True}}).matching
    review.export(Nobody(), rules, tmp_path / "review.csv")  # type: ignore[arg-type]
    private_file(tmp_path / "secrets.json", "{}")
    assert open_to_others(tmp_path) == []


def test_the_logs_of_services_and_of_a_night_are_their_owner_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))

    def talk(command: list[str], *, stdout: Any = None, **options: Any) -> Any:
        stdout.write("talk\n")
        stdout.flush()
        return subprocess.CompletedProcess(command, 0)

    class Process:
        pid = os.getpid()

        def __init__(self, *arguments: Any, **options: Any) -> None:
            talk(*arguments, **options)

    folder = airflow_env.home() / "services"
    folder.mkdir(parents=True)
    (folder / "scheduler.log").write_text("of before\n")
    monkeypatch.setattr(services.subprocess, "Popen", Process)
    services._spawn("scheduler")
    monkeypatch.setattr(airflow_env, "apply", lambda: None)
    monkeypatch.setattr(airflow_env, "_metadata_version", lambda: "1")
    monkeypatch.setattr(airflow_env.subprocess, "run", talk)
    airflow_env.ensure_airflow_metadata()
    with _talk_to(tmp_path / "runs" / "1" / "airflow.log"):
        print("talk")
        open_for_good = sys.stdout
    open_for_good.close()
    found = sorted(path for path in tmp_path.rglob("*.log"))
    assert [path.name for path in found] == ["migrate.log", "scheduler.log", "airflow.log"]
    assert [path for path in open_to_others(tmp_path) if path.endswith(".log")] == []


def test_airflow_s_own_task_logs_are_their_owner_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://nowhere")
    said = airflow_env.environment()
    permissions = "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_{}_PERMISSIONS"
    assert said[permissions.format("FILE")] == "0o600"
    assert said[permissions.format("FOLDER")] == "0o700"

"""What is installed is what is locked: hashes, the bill of materials, known flaws."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT

LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;]+)", re.MULTILINE)


def locked() -> set[tuple[str, str]]:
    """Of some packages another version for each Python."""
    text = (ROOT / "requirements.lock").read_text()
    return {(name.lower(), version) for name, version in LOCKED.findall(text)}


def test_the_bill_of_materials_names_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    command = [sys.executable, str(ROOT / ".ci" / "sbom.py"), str(file)]
    subprocess.run(command, check=True, capture_output=True)
    written = json.loads(file.read_text())
    assert written["bomFormat"] == "CycloneDX"
    listed = written["components"]
    assert {(one["name"].lower(), one["version"]) for one in listed} == locked()
    text = (ROOT / "requirements.lock").read_text()
    hashes = {
        found["content"] for one in listed
        for found in one["externalReferences"][0]["hashes"]
    }  # fmt: skip
    assert hashes == set(re.findall(r"--hash=sha256:([0-9a-f]+)", text))
    assert written["metadata"]["component"]["name"] == "rapport"


@pytest.fixture
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FLAW = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-2019-217"}]}
GOOD = {"name": "httpx", "version": "0.28.1", "vulns": []}
UNKNOWN = {"name": "httpx", "skip_reason": "not found"}


def test_a_database_that_does_not_know_the_known_flaw_was_not_reached(audit: Any) -> None:
    code, said = audit.judge([UNKNOWN], [UNKNOWN])
    assert (code, "skipped" in said) == (0, True)


def test_a_vulnerable_package_fails_and_is_named(audit: Any) -> None:
    code, said = audit.judge([FLAW], [GOOD, FLAW])
    assert code == 1
    assert "jinja2 2.10: PYSEC-2019-217" in said
    assert audit.judge([FLAW], [GOOD, UNKNOWN])[0] == 0
    assert audit.judge([FLAW], [])[0] == 1, "the planted one was answered, the lock was not"


def wheel(folder: Path, content: str) -> Path:
    """The smallest package that pip takes."""
    path = folder / "swapped-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("swapped.py", content)
        about = "swapped-1.0.dist-info"
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: swapped\nVersion: 1.0\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
                      "Tag: py3-none-any\n")  # fmt: skip
        file.writestr(f"{about}/RECORD", "")
    return path


def test_a_swapped_package_is_not_installed(tmp_path: Path) -> None:
    import hashlib

    install = (ROOT / ".ci" / "install").read_text()
    lines = [line for line in install.splitlines() if " -r " in line]
    assert len(lines) == 3 and all("--require-hashes" in line for line in lines)

    digest = hashlib.sha256(wheel(tmp_path, "x = 1").read_bytes()).hexdigest()
    (tmp_path / "lock.txt").write_text(f"swapped==1.0 --hash=sha256:{digest}\n")

    def install_into(name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path),
                "--no-deps", "--require-hashes", "--target", str(tmp_path / name),
                "-r", str(tmp_path / "lock.txt"),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert install_into("right").returncode == 0
    wheel(tmp_path, "x = 2  # somebody else's")
    swapped = install_into("wrong")
    assert swapped.returncode != 0
    assert "DO NOT MATCH" in swapped.stderr
    assert not (tmp_path / "wrong" / "swapped.py").exists()


@pytest.mark.parametrize("name", ["LocalExecutor", "CeleryExecutor"])
def test_the_executors_of_the_compose_file_start_from_the_lock(name: str) -> None:
    code = (
        "from airflow.executors.executor_loader import ExecutorLoader\n"
        "print(ExecutorLoader.import_default_executor_cls()[0].__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AIRFLOW__CORE__EXECUTOR": name},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split()[-1:] == [name], done.stderr[-500:]

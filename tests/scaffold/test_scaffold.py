"""`rapport new source` and `rapport new destination` write what runs as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rapport.errors import ConfigError
from rapport.scaffold import write

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("plugins", "dbt_project", "dags", "expectations", "tests", "pyproject.toml", "rapport.yml",
         "README.md", "docker-compose.yml", ".env.example", "CONTRIBUTING.md")  # fmt: skip
PASSING = (
    "tests/contracts/test_sources.py",
    "tests/contracts/test_destinations.py",
    "tests/sources/test_post_box.py",
    "tests/destinations/test_pen_pals.py",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with a new source and a new destination."""
    folder = tmp_path_factory.mktemp("copy")
    folder.chmod(0o755)
    for part in PARTS:
        if (ROOT / part).is_dir():
            leave = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info")
            shutil.copytree(ROOT / part, folder / part, ignore=leave)
        else:
            shutil.copy(ROOT / part, folder / part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPPORT_HOME", str(folder))
        for kind, name in (("source", "post_box"), ("destination", "pen_pals")):
            written = write(kind, name)  # type: ignore[arg-type]
            assert written.left == [], "a place for a line is gone"
            assert all((folder / path).exists() for path in written.files)
    return folder


def run(copy: Path, *command: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAPPORT", "AIRFLOW"))}
    environment["PYTHONPATH"] = str(copy / "plugins")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=copy, env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def test_the_contract_holds_for_what_was_written(copy: Path) -> None:
    chosen = "(post_box or pen_pals) and not known_one"
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", chosen)
    said = run(copy, "pytest", *options, *PASSING)
    assert "passed" in said and "failed" not in said


def test_it_is_in_style_and_typed(copy: Path) -> None:
    files = [
        path for name in ("post_box", "pen_pals") for path in map(str, copy.rglob(f"*{name}.py"))
    ]
    assert len(files) == 6
    run(copy, "ruff", "check", *files)
    run(copy, "ruff", "format", "--check", *files)


@pytest.mark.parametrize("name", ["hubspot", "Post", "p-b", "9lives"])
def test_a_name_that_is_taken_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        write("source", name)

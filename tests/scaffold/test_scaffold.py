"""`rapport new source` and `rapport new destination` write what runs as it is, in four places."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rapport.errors import ConfigError
from rapport.scaffold import write
from rapport.settings import known

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("plugins", "dbt_project", "dags", "docs", "expectations", "tests", "pyproject.toml",
         "rapport.yml", "README.md", "docker-compose.yml", ".env.example", "CONTRIBUTING.md",
         "CHANGELOG.md", "Makefile", ".gitignore", ".sqlfluff")  # fmt: skip
LEFT_OUT = shutil.ignore_patterns("__pycache__", "target", "logs", "*.egg-info", ".user.yml")
NAMES = ("post_box", "pen_pals", "fresh_desk")
# Where a vendor may be: its connector, its staging models, its double and its tests.
PLACES = re.compile(
    rf"(plugins/rapport/connectors|dbt_project/models/staging|tests/connectors)/({'|'.join(NAMES)})/.+"
    rf"|plugins/rapport_sandbox/vendors/({'|'.join(NAMES)})\.py"
)
GENERATED = re.compile(r"docs/reference/connectors/\w+\.md|README\.md|\.env\.example")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of its own with a new source, a new destination, and a source like another."""
    folder = tmp_path_factory.mktemp("copy")
    folder.chmod(0o755)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / part, folder / part)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    person = ("-c", "user.name=Tests", "-c", "user.email=tests@example.com")
    git(folder, *person, "commit", "--quiet", "--message", "As it was")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPPORT_HOME", str(folder))
        write("source", "post_box")
        write("destination", "pen_pals")
        write("source", "fresh_desk", like="zendesk")
    return folder


def git(folder: Path, *command: str) -> str:
    return subprocess.run(
        ["git", *command], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def changed(folder: Path) -> list[str]:
    said = git(folder, "status", "--porcelain", "--untracked-files=all")
    return [line[3:] for line in said.splitlines()]


def run(copy: Path, *command: str, status: int = 0, **given: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("RAPPORT", "AIRFLOW"))}
    environment |= {"PYTHONPATH": str(copy / "plugins"), "RAPPORT_HOME": str(copy), **given}
    done = subprocess.run(
        [sys.executable, "-B", *command],
        cwd=copy, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout[-4000:] + done.stderr[-2000:]
    return done.stdout


def suite(copy: Path, *arguments: str, status: int = 0) -> str:
    quiet = ("-q", "-n", "0", "-p", "no:cacheprovider", "--timeout", "300")
    return run(copy, "-m", "pytest", *quiet, *arguments, status=status)


def test_a_vendor_is_in_its_four_places_and_nothing_else_is_touched(copy: Path) -> None:
    paths = [path for path in changed(copy) if not GENERATED.fullmatch(path)]
    assert [path for path in paths if not PLACES.fullmatch(path)] == []
    for name, places in zip(NAMES, (4, 3, 4), strict=True):
        own = [path for path in paths if name in path]
        assert len({path.split(name)[0] for path in own}) == places, own


@pytest.mark.timeout(500)
def test_the_contract_holds_for_what_was_written(copy: Path) -> None:
    folders = [f"tests/connectors/{name}" for name in NAMES]
    suites = ("tests/contracts/test_sources.py", "tests/contracts/test_destinations.py")
    said = suite(copy, *suites, *folders, "-k", " or ".join(NAMES))
    assert "passed" in said and "failed" not in said
    assert [path for path in changed(copy) if not GENERATED.fullmatch(path)] == [
        path for path in changed(copy) if PLACES.fullmatch(path)
    ]


def test_dbt_reads_the_models_that_were_written(copy: Path, tmp_path: Path) -> None:
    text = (copy / "rapport.yml").read_text(encoding="utf-8")
    both = text.replace("sources:\n", "sources:\n  post_box: {}\n  fresh_desk: {}\n", 1)
    (tmp_path / "rapport.yml").write_text(both, encoding="utf-8")
    nobody = '{"conn_type": "postgres", "host": "127.0.0.1", "port": 9, "schema": "none"}'
    given = {"RAPPORT_CONFIG": str(tmp_path / "rapport.yml"), "RAPPORT_VAR": str(tmp_path / "var"),
             "AIRFLOW_CONN_WAREHOUSE": nobody}  # fmt: skip
    said = run(copy, "-c", PARSE, **given)
    assert {"stg_post_box__contacts", "stg_fresh_desk__contacts"} <= set(said.split())


PARSE = """
from datetime import UTC, datetime
from rapport.settings import load_settings
from rapport.transform import dbt
outcome = dbt.invoke(["parse"], load_settings(), datetime(2026, 3, 31, 3, tzinfo=UTC))
assert outcome.success, outcome.exception
union = outcome.result.nodes["model.rapport.int_contacts_unioned"]
print(*(node.split(".")[-1] for node in union.depends_on.nodes))
"""


def test_the_reference_is_out_of_date_until_the_command_that_the_test_names(copy: Path) -> None:
    drift = ("tests/docs/test_docs.py", "-k", "generated_from_the_connectors")
    said = suite(copy, *drift, status=1)
    (command,) = set(re.findall(r"run `rapport (docs [a-z]+)`", said))
    run(copy, "-c", "from rapport.cli import app; app()", *command.split())
    suite(copy, *drift)
    assert "AIRFLOW_CONN_POST_BOX" in (copy / ".env.example").read_text()
    assert (copy / "docs" / "reference" / "connectors" / "pen_pals.md").exists()
    git(copy, "checkout", "--quiet", "--", "README.md", ".env.example", "docs")


@pytest.mark.timeout(500)
def test_it_is_in_style_and_typed(copy: Path) -> None:
    written = [path for path in changed(copy) if path.endswith(".py")]
    run(copy, "-m", "ruff", "check", *written)
    run(copy, "-m", "ruff", "format", "--check", *written)
    run(copy, "-m", "mypy")
    staging = "dbt_project/models/staging"
    run(copy, "-m", "sqlfluff", "lint", f"{staging}/post_box", f"{staging}/fresh_desk")


@pytest.mark.parametrize("name", [known("sources")[0], "Post", "p-b", "9lives"])
def test_a_name_that_is_taken_or_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        write("source", name)


@pytest.mark.parametrize("like", ["nobody", "files"])
def test_a_vendor_that_cannot_be_copied_is_refused(like: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no source|no double of its own"):
        write("source", "post_box", like=like)

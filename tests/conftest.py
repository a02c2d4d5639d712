"""What every test may use: an own folder for everything written, one Postgres, a fresh database.

Nothing leaves 127.0.0.1, and nothing is written to the project's own `var/`.
"""

import gc
import math
import os
import random
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
import yaml

if TYPE_CHECKING:
    from rapport_sandbox.recorder import Recorder

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "template_of_tests"

# As `rapport` itself does.
gc.set_threshold(50_000, 20, 20)

MEMORY = Path("/dev/shm")


def room() -> Path | None:
    """Where the test server's data lies: in memory where there is enough of it, else on disk.

    ext4 looks for a place for a new file among all those deleted in the last seconds: after some
    databases of a thousand files each were dropped, to make one takes more than a second.
    """
    enough = 8 << 30
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > enough:
        return MEMORY if psutil.virtual_memory().available > enough else None
    return None


# Before anything of the package is imported: modules may read these once.
_folder = Path(tempfile.mkdtemp(prefix="rapport-tests-", dir=room()))
_folder.chmod(0o711)  # Postgres may run as another user
os.environ["RAPPORT_HOME"] = str(ROOT)
os.environ["RAPPORT_VAR"] = str(_folder / "var")
for _name in [name for name in os.environ if name.startswith(("AIRFLOW", "RAPPORT_DBT"))]:
    del os.environ[_name]
os.environ["AIRFLOW_HOME"] = str(_folder / "var" / "airflow")
# Set here so that every worker of a run draws the same sample.
os.environ.setdefault("RAPPORT_SEED", str(time.time_ns() % 10_000))
os.environ["DO_NOT_TRACK"] = "1"
os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"


def pytest_configure(config: pytest.Config) -> None:
    """`make faults` runs what the table of faults names, `make slow` what takes a minute."""
    config.addinivalue_line("markers", "faults: causes a fault of tests/faults/rows.yml")
    config.addinivalue_line("markers", "slow: in a file of which the suite runs a third each time")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The marker `faults` for the tests that the table names, and for all of its folder."""
    _leave_out_slow_files(config, items)
    content = yaml.safe_load((ROOT / "tests" / "faults" / "rows.yml").read_text(encoding="utf-8"))
    named = {test for row in content.values() for test in row.get("tests", ())}
    for item in items:
        path = item.path.relative_to(ROOT / "tests").as_posix()
        name = item.name.partition("[")[0]
        if path.startswith("faults/") or f"{path}::{name}" in named:
            item.add_marker("faults")


def _leave_out_slow_files(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a third of the files that are marked `slow`, drawn by the seed."""
    slow = sorted({item.path for item in items if item.get_closest_marker("slow")})
    if len(slow) < 3 or "all" in (os.environ.get("RAPPORT_SLOW"), os.environ.get("RAPPORT_FAULTS")):
        return
    drawn = random.Random(os.environ["RAPPORT_SEED"]).sample(slow, math.ceil(len(slow) / 3))
    left_out = [item for item in items if item.path in slow and item.path not in drawn]
    items[:] = [item for item in items if item not in set(left_out)]
    config.hook.pytest_deselected(items=left_out)


def pytest_report_header() -> str:
    """What repeats the samples of this run."""
    return f"samples are drawn by RAPPORT_SEED={os.environ['RAPPORT_SEED']}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was killed, and what came of it."""
    from .faults import tally

    for line in tally.table(
        report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)
    ):
        terminalreporter.write_line(line)


def pytest_sessionstart() -> None:
    """A run that is told to end must stop its Postgres too."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("told to end", returncode=143))


def pytest_sessionfinish() -> None:
    """Stop what the tests started and take away what they wrote."""
    from rapport.warehouse import embedded

    os.environ["RAPPORT_VAR"] = str(_folder / "var")
    embedded.remove()
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(scope="session")
def superuser() -> str:
    """The URL of the superuser, for what only a test does and no process of a run."""
    from rapport.warehouse import embedded

    return embedded.url("postgres", login=embedded.ADMIN)


@pytest.fixture(scope="session")
def postgres(superuser: str) -> str:
    """The URL of the run's one Postgres; its database `postgres` is for making others."""
    from rapport.warehouse import embedded

    with psycopg.connect(superuser) as admin:
        admin.execute("alter role rapport createdb; grant connect on database postgres to rapport")
    return embedded.url("postgres")


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a migrated database with the tables of every stream, to be cloned."""
    from rapport.landing import ensure_tables
    from rapport.settings import load_settings
    from rapport.warehouse import connect, migrate

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")
    with pytest.MonkeyPatch.context() as patch:
        point_to(patch, postgres, TEMPLATE)
        migrate()
        with connect() as connection:
            ensure_tables(connection, load_settings())
    return TEMPLATE


@pytest.fixture
def warehouse(
    postgres: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a migrated database of this test's own, which is the warehouse meanwhile."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"create database {name} template {template}")
        point_to(monkeypatch, postgres, name)
        from rapport.warehouse import connect

        with connect(autocommit=True) as connection:
            yield connection
        drop_database(admin, name)


@pytest.fixture(scope="session")
def served() -> Iterator["Recorder"]:
    """The doubles of all vendors and tools on a port of this machine."""
    from rapport_sandbox.recorder import serve

    with serve() as recorder:
        yield recorder


@pytest.fixture(scope="session")
def few_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an invented company of five people."""
    from rapport_sandbox.company import Company

    root = tmp_path_factory.mktemp("few_people") / "company"
    Company.generate(root, 5, seed=3, start=date(2026, 3, 31))
    return root


@pytest.fixture
def twins(served: "Recorder", few_people: Path, tmp_path: Path) -> Iterator["Recorder"]:
    """The doubles with a company of this test's own, and a record of what they are asked."""
    with served.company(few_people, tmp_path / "company"):
        yield served


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Real data sets for comparison; `RAPPORT_REFERENCE_DIR`, else beside the project."""
    folder = Path(os.environ.get("RAPPORT_REFERENCE_DIR", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no reference data in {folder}: set RAPPORT_REFERENCE_DIR")
    return folder


def drop_database(admin: psycopg.Connection[Any], name: str) -> None:
    """Drop a database with the sessions in it.

    A worker of autovacuum that begins there belongs to nobody yet, so that it may not be ended.
    """
    for _ in range(50):
        try:
            admin.execute(f"drop database {name} with (force)")
        except psycopg.errors.InsufficientPrivilege:
            time.sleep(0.1)
        else:
            return
    admin.execute(f"drop database {name} with (force)")


def point_to(patch: pytest.MonkeyPatch, postgres: str, database: str) -> None:
    """Make a database of the test server the warehouse."""
    parts = urlsplit(postgres)
    patch.setenv("AIRFLOW_CONN_WAREHOUSE", parts._replace(path=f"/{database}").geturl())

"""Airflow's environment: closed, silent, with keys of its own, and ready without waiting twice."""

import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import psycopg
import pytest

from rapport.operations import airflow_env

pytestmark = pytest.mark.slow


def test_it_listens_here_and_tells_nobody(postgres: str) -> None:
    wanted = airflow_env.environment()
    assert wanted["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert wanted["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert wanted["DO_NOT_TRACK"] == "1"
    assert wanted["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert urlsplit(wanted["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]).hostname == "127.0.0.1"
    assert "/airflow" in wanted["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


def test_what_the_environment_says_already_wins_and_empty_says_nothing(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "")
    wanted = airflow_env.environment()
    assert wanted["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert wanted["AIRFLOW__CORE__PARALLELISM"] == "4"


def test_keys_and_password_are_made_once_for_their_owner_only(postgres: str) -> None:
    keys = airflow_env.generated()
    assert airflow_env.generated() == keys
    passwords = airflow_env.home() / "passwords.json"
    assert json.loads(passwords.read_text()) == {"admin": keys["password"]}
    for file in (passwords, airflow_env.home() / "secrets.json"):
        assert file.stat().st_mode & 0o777 == 0o600


def test_airflows_tables_are_made_once(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in airflow_env.environment().items():
        monkeypatch.setenv(name, value)
    airflow_env.ensure_airflow_metadata()
    assert not airflow_env.ensure_airflow_metadata()
    address = os.environ[airflow_env.DATABASE].replace("+psycopg2", "")
    with psycopg.connect(address) as connection:
        row = connection.execute("select count(*) > 0 from alembic_version").fetchone()
        assert row == (True,)
    marker = airflow_env.home() / "metadata"
    kept = marker.read_text()
    marker.write_text("3.0.0 older")
    assert airflow_env.ensure_airflow_metadata()
    assert marker.read_text() == kept


def test_airflow_finds_the_plugins_without_shadowing_the_standard_library(postgres: str) -> None:
    """Modules such as `rapport/warehouse/binary_copy.py` must not be imported as plugins."""
    folder = airflow_env.environment()["AIRFLOW__CORE__PLUGINS_FOLDER"]
    code = (
        "import sys; from airflow import plugins_manager; plugins_manager.ensure_plugins_loaded();"
        "files = {name: getattr(module, '__file__', None) or ''"
        " for name, module in list(sys.modules.items())};"
        "print([name for name, file in files.items() if file.startswith(sys.argv[1])"
        " and not name.startswith('rapport')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"{folder}/rapport/"],
        env={**os.environ, **airflow_env.environment()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr[-500:]

"""`rapport doctor`: what is wrong, what to do, and an exit code that says whether to do it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from typer.testing import CliRunner, Result

from rapport.cli import application
from rapport.operations import doctor as examination

Warehouse = psycopg.Connection[object]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rapport.yml of the test's own: Zendesk and Intercom, no sandbox."""
    file = tmp_path / "rapport.yml"
    file.write_text("demo: false\nsources: {zendesk: {}}\ndestinations: {intercom: {}}\n")
    monkeypatch.setenv("RAPPORT_CONFIG", str(file))
    zendesk = {"host": "https://x.zendesk.com", "login": "a@example.com/token", "password": "p"}
    monkeypatch.setenv("AIRFLOW_CONN_ZENDESK", json.dumps(zendesk))
    monkeypatch.setenv("AIRFLOW_CONN_INTERCOM", json.dumps({"password": "p"}))
    return file


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(application, ["doctor", *arguments])


def finding(name: str) -> dict[str, str]:
    result = doctor("--json")
    found = {item["name"]: item for item in json.loads(result.stdout)["findings"]}
    assert result.exit_code == (1 if any(i["state"] == "problem" for i in found.values()) else 0)
    return found[name]  # type: ignore[no-any-return]


@pytest.mark.usefixtures("warehouse")
def test_the_demo_needs_nothing() -> None:
    result = doctor()
    assert result.exit_code == 0, result.stdout
    assert "the sandbox stands in" in result.stdout


@pytest.mark.usefixtures("warehouse", "config")
def test_a_complete_configuration_is_right() -> None:
    answer = json.loads(doctor("--json").stdout)
    assert answer["ok"] is True
    assert finding("connection zendesk")["found"] == "AIRFLOW_CONN_ZENDESK"


@pytest.mark.usefixtures("warehouse", "config")
def test_a_missing_connection_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ZENDESK")
    found = finding("connection zendesk")
    assert (found["state"], found["found"]) == ("problem", "missing")
    assert "AIRFLOW_CONN_ZENDESK" in found["advice"]
    assert "password: " in found["advice"]


@pytest.mark.usefixtures("warehouse", "config")
def test_a_missing_field_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_INTERCOM", '{"host": "https://api.intercom.io"}')
    found = finding("connection intercom")
    assert (found["state"], found["found"]) == ("problem", "without password")


@pytest.mark.usefixtures("warehouse", "config")
def test_a_secret_in_the_wrong_form_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_ZENDESK", "canary-token")
    result = doctor()
    assert result.exit_code == 1
    assert "canary" not in result.output


@pytest.mark.usefixtures("warehouse")
def test_a_bad_configuration_says_the_line(config: Path) -> None:
    config.write_text("demo: false\nsources:\n  zendeskk: {}\n")
    found = finding("configuration")
    assert found["state"] == "problem"
    assert "rapport.yml:3: sources.zendeskk" in found["found"]


@pytest.mark.usefixtures("config")
def test_a_warehouse_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://me:canary@127.0.0.1:1/warehouse")
    found = finding("warehouse")
    assert found["state"] == "problem"
    assert "refused" in found["found"]
    assert "canary" not in doctor().output


@pytest.mark.usefixtures("config")
def test_a_wrong_password_of_the_warehouse_points_to_the_connection(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = psycopg.conninfo.conninfo_to_dict(postgres)
    address = f"postgres://rapport:canary@127.0.0.1:{fields['port']}/warehouse"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", address)
    assert 'Check the connection "warehouse".' in finding("warehouse")["found"]


@pytest.mark.usefixtures("config")
def test_a_warehouse_that_is_too_old_is_refused(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport import warehouse as module

    monkeypatch.setattr(module, "SUPPORTED", range(19, 22))
    assert "Postgres 18, but 19 to 21 are supported" in finding("warehouse")["found"]


@pytest.mark.usefixtures("warehouse", "config")
def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=5e8))
    assert finding("disk")["state"] == "problem"


@pytest.mark.usefixtures("warehouse", "config")
def test_a_package_that_differs_from_the_lock_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.lock").write_text("pandas==0.1 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(examination, "project_root", lambda: tmp_path)
    assert "The lock says 0.1" in finding("pandas")["advice"]


@pytest.mark.usefixtures("warehouse", "config")
def test_a_python_that_is_too_old_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "PYTHON", ((4, 0), (4, 1)))
    assert finding("python")["state"] == "problem"

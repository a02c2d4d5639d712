"""A night with every source and every destination on, each discovered automatically."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from tests.contracts.test_everything import EXPORTED, PARTNER
from tests.everything import settings

from rapport.connectors import all_destinations, all_sources
from rapport.paths import project_root
from rapport.vendors.connections import Connection
from rapport.vendors.destination import Audience
from rapport_sandbox.credentials import demo_connection
from rapport_sandbox.recorder import OPTIONS, SEGMENTS

from .conftest import START, Company

pytestmark = [pytest.mark.everything, pytest.mark.timeout(3600)]

SQL = """with people as (
    select customer_id, orders from {{ ref('dim_customers') }}
),

conditions as (
    select
        people.*,
        orders > 0 as has_bought
    from people
)

select customer_id, orders
from conditions
where has_bought
"""


def home(folder: Path) -> Path:
    """A project of its own: the shipped one with a segment more for each destination."""
    root = folder / "home"
    root.mkdir(parents=True)
    for path in project_root().iterdir():
        if path.name not in ("dbt_project", "rapport.yml", "var", ".git", ".venv"):
            (root / path.name).symlink_to(path)
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(project_root() / "dbt_project", root / "dbt_project", ignore=ignored)
    for name in all_destinations():
        model = root / "dbt_project" / "models" / "segments" / f"seg_{key(name)}"
        model.with_suffix(".sql").write_text(SQL)
        described = {"name": model.name, "description": f"One row per buyer, for {name}.",
                     "config": {"meta": {"segment": segment(name)}}}  # fmt: skip
        model.with_suffix(".yml").write_text(yaml.safe_dump({"models": [described]}))
    return root


def key(destination: str) -> str:
    return f"buyers_for_{destination}"


def segment(destination: str) -> dict[str, Any]:
    told = {
        "key": key(destination), "name": f"Buyers for {destination}", "owner": "tests",
        "description": "People who have bought something, for one tool.", "purpose": "service",
        "channel": "email", "destinations": [destination], "traits": {"orders": "score"},
        "size_band": [1, 100000], "change_budget": 1.0, "expires": "2028-12-31",
        "needs": ["orders"],
    }  # fmt: skip
    return told | SEGMENTS.get(destination, {})


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    folder = tmp_path_factory.mktemp("everything")
    for open_to_all in (folder.parent, folder):
        open_to_all.chmod(0o711)
    everything = settings()
    everything["destinations"]["files"] = {"path": str(folder / "exports")}
    root = home(folder)
    (folder / "rapport.yml").write_text(yaml.safe_dump(everything))
    (root / "rapport.yml").symlink_to(folder / "rapport.yml")
    company = Company(folder, {"RAPPORT_HOME": str(root)}, patience=3000)
    started = company.rapport("sandbox", "start", "--start", START, "--json")
    assert started.returncode == 0, started.stderr
    (folder / "var" / "sandbox" / "exported.csv").write_text(EXPORTED)
    url = _database(company)
    company.settings["AIRFLOW_CONN_POSTGRES"] = url.replace("postgresql://", "postgres://")
    yield company
    company.close()


def _database(company: Company) -> str:
    """The address of the company's warehouse, in which the partner's tables are too."""
    started = company.rapport("db", "start")
    assert started.returncode == 0, started.stderr
    url = company.rapport("db", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        connection.execute(PARTNER)
    return url


@pytest.fixture(scope="module")
def night(company: Company) -> dict[str, Any]:
    return company.night()


def test_the_night_is_green_and_every_stream_has_rows(night: dict[str, Any]) -> None:
    failed = {stage["name"]: stage["error"] for stage in night["stages"] if stage["error"]}
    assert failed == {}
    assert night["status"] == "succeeded"
    assert set(night["sources"]) == set(all_sources())
    landed = {
        f"{source} {stream}": told["landed"]
        for source, streams in night["sources"].items()
        for stream, told in streams.items()
    }
    assert [name for name, rows in landed.items() if rows == 0] == []


def test_every_tool_was_sent_the_same_people(night: dict[str, Any], company: Company) -> None:
    sent = {name: night["segments"][key(name)]["sent"] for name in all_destinations()}
    assert all(sent.values()), sent
    for name in sent:
        told = night["segments"][key(name)]
        assert told["members"] == told["sent"] + sum(told["not_sent"].values()), name
        assert set(told["not_sent"]) <= {"no_address", "no_consent", "suppressed"}, name


def test_every_tool_holds_what_the_ledger_says(night: dict[str, Any], company: Company) -> None:
    asked = []
    for name, kind in all_destinations().items():
        if not kind.needs_connection:
            continue
        connection = Connection(name, **demo_connection(name, company.tool_url))
        tool = kind(OPTIONS.get(name, {}), connection)
        try:
            theirs = tool.members(Audience(**_audience(name)))
            if theirs is None:
                continue
            found = sorted(str(contact.external_id) for contact in theirs)
        finally:
            tool.close()
        ours = company.ask(
            "select customer_id from activation.ledger where state = 'sent'"
            f" and destination = '{name}' and segment = '{key(name)}' order by 1"
        )
        assert found == [row[0] for row in ours], name
        asked.append(name)
    assert {"intercom", "hubspot", "salesforce", "zoho"} <= set(asked)


def test_nobody_who_said_no_at_a_tool_was_in_a_payload(
    night: dict[str, Any], company: Company
) -> None:
    assert company.tool("violations")["violations"] == []


def test_a_second_run_of_the_night_changes_no_tool(night: dict[str, Any], company: Company) -> None:
    tools = [name for name, kind in all_destinations().items() if kind.needs_connection]
    before = {name: company.tool(f"state/{name}") for name in tools}
    assert all(before.values()), "a tool that holds nothing proves nothing"
    again = company.night()
    assert again["status"] == "succeeded"
    assert {name: company.tool(f"state/{name}") for name in tools} == before


def _audience(destination: str) -> dict[str, Any]:
    told = segment(destination)
    return {name: told[name] for name in ("key", "name", "channel", "purpose")}

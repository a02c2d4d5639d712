"""Every list that is orphaned, frozen or waiting is named, with why and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rapport.activation.answers.list_problems import standings
from rapport.activation.segments.declarations import load
from rapport.settings import Settings, load_settings

PEOPLE = [f"p{number}" for number in range(6)]


@pytest.fixture
def held(world: Any) -> Any:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    return world


def said(world: Any, settings: Settings) -> list[str]:
    return [str(one) for one in standings(world.connection, world.definitions, settings)]


ON = Settings(destinations={"tool": {}})
OFF = Settings(destinations={"tool": {"enabled": False}})


def test_a_list_that_is_as_it_should_be_is_not_named(held: Any) -> None:
    assert said(held, ON) == []


def test_each_kind_is_named_with_its_people_and_what_to_do(held: Any) -> None:
    (orphaned,) = said(held, Settings())
    assert orphaned.startswith("tool/readers: orphaned, 6 people. 6 people are still on the list")
    (retired,) = said(held, OFF)
    assert retired.startswith("tool/readers: retired, 6 people. tool is turned off")
    held.members("readers")
    held.night()
    (waiting,) = said(held, ON)
    assert waiting.endswith("all 6 people would leave the list. `rapport approve readers`")
    held.members("readers", *PEOPLE)
    held.night()
    held.frozen["readers"] = "orders of files are stale"
    held.night()
    (frozen,) = said(held, ON)
    assert frozen == "tool/readers: frozen, 6 people. orders of files are stale"
    held.segments.clear()
    held.problems = {"seg_readers": "seg_readers.yml:3: not YAML."}
    (unreadable,) = said(held, ON)
    assert unreadable.startswith("tool/readers: unreadable, 6 people. seg_readers.yml:3: not YAML.")


@pytest.fixture
def orphan(held: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A project that knows nothing of the tool any more."""
    (tmp_path / "dbt_project/models/segments").mkdir(parents=True)
    settings = {"demo": False, "destinations": {"files": {}}, "sources": {}}
    (tmp_path / "rapport.yml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path))
    monkeypatch.setenv("RAPPORT_VAR", str(tmp_path / "var"))
    assert load().segments == {} and "tool" not in load_settings().destinations
    return held


def test_doctor_names_it(orphan: Any) -> None:
    from rapport.operations.doctor import examine

    (found,) = [finding for finding in examine() if finding.name == "list tool/readers"]
    assert (found.state, found.found) == ("problem", "orphaned, 6 people on it")
    assert "enabled: false" in found.advice


def test_the_report_names_it(orphan: Any) -> None:
    from rapport.pages import report
    from rapport.runs import run as nights

    orphan.connection.execute("drop table marts.data_status")
    night = nights.begin(orphan.as_of)
    page = report.write(night.run_id).read_text(encoding="utf-8")
    assert "6 people are still on the list at tool" in page


def test_the_plan_names_it(orphan: Any) -> None:
    from typer.testing import CliRunner

    from rapport.cli import application

    answer = CliRunner().invoke(application, ["plan", "--json"])
    (entry,) = json.loads(answer.stdout)["lists"]
    assert (entry["segment"], entry["state"]) == ("readers", "orphaned")
    assert "6 people are still on the list" in entry["cause"]


def test_the_segments_page_names_it(orphan: Any) -> None:
    import asyncio

    import httpx
    from fastapi import Request

    from rapport.pages.access import Reader
    from rapport.pages.app import application
    from rapport.pages.database import Warehouse

    async def anybody(request: Request) -> Reader:
        return Reader("Vera")

    async def ask() -> str:
        transport = httpx.ASGITransport(application(anybody, lambda: b"secret", warehouse))
        async with httpx.AsyncClient(transport=transport, base_url="http://rapport") as client:
            return (await client.get("/segments")).raise_for_status().text

    warehouse = Warehouse()
    page = asyncio.run(ask())
    warehouse.close()
    assert "6 people are still on the list at tool" in page

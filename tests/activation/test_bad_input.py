"""What is wrong is told, and harms no other segment."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rapport import activation
from rapport.activation.segments.declarations import load
from rapport.errors import ConfigError
from rapport.transform.segment_files import FOLDER


@pytest.fixture
def project(world: Any, tmp_path: Path, base: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose segment `good` goes to files, and `bad` to where the test says."""
    from rapport_sandbox.doubles import logins

    home = tmp_path / "project"
    (home / FOLDER).mkdir(parents=True)
    destinations = {"intercom": {"requests_per_minute": 10**6}, "files": {"path": "out"}}
    settings = {"demo": False, "destinations": destinations, "sources": {}}
    (home / "rapport.yml").write_text(yaml.safe_dump(settings))
    monkeypatch.setenv("RAPPORT_HOME", str(home))
    connection = {"host": f"{base}/intercom", **logins()["intercom"]}
    monkeypatch.setenv("AIRFLOW_CONN_INTERCOM", json.dumps(connection))
    world.customers("ann", "bob")
    for key, destination in (("good", "files"), ("bad", "intercom")):
        declare(home, key, destinations=[destination], priority=1 if key == "good" else 2)
        world.members(key, "ann", "bob")
    world.home = home
    return home


def declare(home: Path, key: str, **changed: Any) -> None:
    declared: dict[str, Any] = {
        "key": key, "name": key.title(), "description": "People that a test made up here.",
        "owner": "tests", "purpose": "marketing", "channel": "email", "traits": {"score": "score"},
        "destinations": ["files"], "size_band": [0, 1000], "expires": "2030-01-01",
        "needs": ["orders"], "change_budget": 1.0, **changed,
    }  # fmt: skip
    declared = {name: value for name, value in declared.items() if value is not None}
    model = {"name": f"seg_{key}", "config": {"meta": {"segment": declared}}}
    (home / FOLDER / f"seg_{key}.yml").write_text(yaml.safe_dump({"models": [model]}))
    (home / FOLDER / f"seg_{key}.sql").write_text(f"table marts.people_of_{key}\n")


def night(world: Any) -> dict[str, Any]:
    """A whole night by the verbs; what each list and segment came to, and who complained."""
    world.night_number += 1
    run = (world.run_id, world.as_of)
    pulled = activation.pull(*run)
    evaluated = activation.evaluate(*run)
    lists = {entry["segment"]: entry for entry in activation.plan(*run)}
    complaint = ""
    for destination in ("intercom", "files"):
        try:
            activation.push(*run, destination)
        except ConfigError as error:
            complaint = str(error)
    return {"pull": pulled, "evaluate": evaluated, "lists": lists, "complaint": complaint}


def exported(project: Path) -> int:
    (manifest,) = (project / "out" / "good").rglob("manifest.json")
    files = json.loads(manifest.read_text())["files"]
    return next(int(entry["rows"]) for entry in files if entry["kind"] == "full")


def test_sql_that_does_not_compile_freezes_its_segment_alone(world: Any, project: Path) -> None:
    (project / FOLDER / "seg_bad.sql").write_text("select *\nfrom marts.nowhere\n")
    seen = night(world)
    cause = seen["evaluate"]["bad"]["frozen_because"]
    assert 'seg_bad.sql:2: relation "marts.nowhere" does not exist' in cause
    assert seen["lists"]["bad"]["state"] == "frozen"
    assert exported(project) == 2


def test_a_segment_without_a_purpose_is_told_by_file_and_line(world: Any, project: Path) -> None:
    declare(project, "bad", purpose=None)
    problem = load().problems["seg_bad"]
    assert "seg_bad.yml:" in problem
    assert "purpose" in problem
    seen = night(world)
    assert seen["evaluate"]["seg_bad"]["frozen_because"] == problem
    assert exported(project) == 2


def test_a_trait_that_the_model_does_not_have_is_named(world: Any, project: Path) -> None:
    declare(project, "bad", destinations=["intercom"], traits={"points": "points"})
    assert "seg_bad.sql gives no column points" in night(world)["lists"]["bad"]["cause"]
    assert exported(project) == 2


def test_a_trait_that_the_tool_refuses_is_named(world: Any, project: Path) -> None:
    declare(
        project,
        "bad",
        destinations=["intercom"],
        traits={"score": "no good: name!"},
        purpose="service",
    )
    complaint = night(world)["complaint"]
    assert 'the attribute "no good: name!" cannot be made' in complaint
    assert "seg_bad.yml" in complaint
    assert exported(project) == 2


def test_a_key_that_another_segment_had_is_refused(world: Any, project: Path) -> None:
    world.connection.execute("insert into segments.keys values ('bad', 'seg_older', '2026-01-01')")
    assert "used before by seg_older" in night(world)["lists"]["bad"]["cause"]
    assert exported(project) == 2


def test_a_destination_without_a_connection_leaves_the_others_alone(
    world: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_INTERCOM")
    seen = night(world)
    assert 'no connection "intercom"' in seen["pull"]["intercom"]["problem"]
    assert seen["lists"]["bad"]["state"] == "frozen"
    assert 'no connection "intercom"' in seen["complaint"]
    assert exported(project) == 2


def test_a_person_without_an_address_is_left_out_with_the_reason(world: Any, project: Path) -> None:
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set email = '' where customer_id = 'bob'"
    )
    seen = night(world)
    assert seen["lists"]["good"]["not_sent"] == {"no_address": 1}
    assert exported(project) == 1


def test_a_file_that_cannot_be_read_leaves_the_night_partial(
    world: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport import transform
    from rapport.runs import run as nights
    from rapport.runs.summary import StageSummary, status_of, summarise
    from rapport.tasks import verbs

    night(world)
    declare(project, "bad", destinations=["intercom"], suppresses=["marketting"])
    monkeypatch.setattr(transform, "build", lambda *layers, **options: {"failed": []})
    world.night_number += 1
    begun = nights.begin(world.as_of)
    verbs.evaluate()
    stages = summarise(begun).stages
    (read,) = [stage for stage in stages if stage.name == "read segments"]
    assert read.status == "failed" and "seg_bad.yml:" in str(read.error)
    published = StageSummary(name="publish", seconds=0, status="succeeded")
    assert status_of([*stages, published]) == "partial"


def test_an_unreadable_file_lets_its_people_go_and_adds_nobody(world: Any, project: Path) -> None:
    declare(project, "bad", destinations=["files"], priority=2, purpose="service")
    night(world)
    declare(project, "bad", destinations=["files"], priority=2, purpose="servce")
    world.customers("cid")
    world.members("bad", "bob", "cid")
    seen = night(world)
    assert seen["evaluate"]["bad"]["members"] == 2
    assert "purpose" in seen["evaluate"]["bad"]["frozen_because"]
    held = "select customer_id from activation.ledger where segment = 'bad'"
    assert world.connection.execute(held).fetchall() == [("bob",)]


def test_a_destination_that_is_turned_off_is_called_until_nobody_is_left(
    world: Any, project: Path
) -> None:
    declare(project, "bad", destinations=["intercom"], purpose="service")
    night(world)
    held = "select count(*) from activation.ledger where destination = 'intercom'"
    assert world.connection.execute(held).fetchone() == (2,)
    settings = yaml.safe_load((project / "rapport.yml").read_text())
    settings["destinations"]["intercom"]["enabled"] = False
    (project / "rapport.yml").write_text(yaml.safe_dump(settings))
    assert night(world)["lists"]["bad"]["remove"] == 2
    assert not activation.is_idle(world.run_id, world.as_of, "intercom")
    assert world.connection.execute(held).fetchone() == (0,)
    assert "bad" not in night(world)["lists"]
    assert activation.is_idle(world.run_id, world.as_of, "intercom")

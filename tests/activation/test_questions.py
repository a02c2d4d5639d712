"""What people ask of activation: why, what if, may I, and how do I add one."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rapport.activation.segments.declarations import load
from rapport.activation_options import ActivationOptions
from rapport.cli import application
from rapport.errors import ConfigError
from rapport.transform.segment_files import FOLDER

ROOT = Path(__file__).resolve().parents[2]


def rapport(*words: str) -> Any:
    """The JSON that a command prints; an expected error is raised."""
    answer = CliRunner().invoke(application, [*words, "--json"])
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


@pytest.fixture
def shop(world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A project of its own with the open_ticket segment, evaluated once."""
    folder = tmp_path / "project" / FOLDER
    folder.mkdir(parents=True)
    for suffix in (".sql", ".yml"):
        (folder / f"seg_open_ticket{suffix}").write_bytes(
            (ROOT / FOLDER / f"seg_open_ticket{suffix}").read_bytes()
        )
    (tmp_path / "project" / "rapport.yml").write_text("destinations: {files: {}, intercom: {}}\n")
    marts = tmp_path / "project" / "dbt_project" / "models" / "marts"
    marts.mkdir()
    for name in ("fct_conversations.yml", "dim_customers.yml"):
        (marts / name).write_bytes((ROOT / "dbt_project" / "models" / "marts" / name).read_bytes())
    monkeypatch.setenv("RAPPORT_HOME", str(tmp_path / "project"))
    world.customers("waits", "answered", "quiet")
    world.connection.execute(
        "create table marts.fct_conversations (customer_id text, is_open boolean,"
        " created_at timestamptz)"
    )
    world.connection.execute(
        "insert into marts.fct_conversations values ('waits', true, '2026-02-01'),"
        " ('answered', false, '2026-02-01')"
    )
    world.known_to_identity()
    from rapport import activation

    world.night_number = 1
    activation.evaluate(world.run_id, world.as_of)
    world.home = tmp_path / "project"
    return world


def test_why_names_each_condition_and_its_answer(shop: Any) -> None:
    inside = rapport("why", "waits@example.com", "open_ticket")
    assert inside["is_member"] is True
    assert inside["conditions"] == [{"name": "has_open_ticket", "holds": True}]
    assert inside["values"]["open_tickets"] == 1
    outside = rapport("why", "answered", "open_ticket")
    assert outside["is_member"] is False
    assert outside["conditions"] == [{"name": "has_open_ticket", "holds": False}]
    unknown = rapport("why", "quiet", "open_ticket")
    assert unknown["conditions"] == [{"name": "has_open_ticket", "holds": None}]


def test_why_finds_a_person_by_their_phone_number_as_people_write_it(shop: Any) -> None:
    shop.connection.execute(
        "update marts_pii.dim_customer_contacts set phone = '+4930901820'"
        " where customer_id = 'waits'"
    )
    shop.known_to_identity()
    assert rapport("why", "030 901820", "open_ticket")["customer_id"] == "waits"


def test_why_of_nobody_says_so_without_repeating_the_address(shop: Any) -> None:
    with pytest.raises(ConfigError, match="no customer has that") as caught:
        rapport("why", "stranger@example.com", "open_ticket")
    assert "stranger" not in str(caught.value)


def test_the_dry_run_counts_and_changes_nothing(shop: Any) -> None:
    answer = rapport("plan", "open_ticket")
    (entry,) = answer["lists"]
    assert (entry["destination"], entry["add"]) == ("intercom", 1)
    assert entry["samples"] == {"add": ["waits"]}
    for table in ("plan", "not_sent", "sync_runs"):
        count = shop.connection.execute(f"select count(*) from activation.{table}").fetchone()
        assert count == (0,)


def test_the_dry_run_compares_with_another_version(shop: Any) -> None:
    git = ["git", "-C", str(shop.home), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    path = shop.home / FOLDER / "seg_open_ticket.sql"
    path.write_text(path.read_text().replace("where has_open_ticket", "where not has_open_ticket"))
    (difference,) = rapport("plan", "open_ticket", "--compare-to", "HEAD")["compared"]
    assert (difference["before"], difference["after"]) == (1, 1)
    assert (difference["joining"], difference["leaving"]) == (["answered"], ["waits"])
    with pytest.raises(ConfigError, match="git has no"):
        rapport("plan", "open_ticket", "--compare-to", "no_such_branch")


def test_an_approval_needs_something_that_waits_and_a_reason(world: Any) -> None:
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    with pytest.raises(ConfigError, match="nothing waits"):
        rapport("approve", "readers", "--reason", "because")
    world.members("readers", *people[8:])
    world.night()
    (waiting,) = rapport("approve")
    assert (waiting["segment"], waiting["adds"], waiting["removes"]) == ("readers", 10, 8)
    with pytest.raises(ConfigError, match="needs a reason"):
        rapport("approve", "readers")
    assert rapport("approve", "readers", "--reason", "new price")["decision"] == "approved"
    world.again()
    assert world.tool.on("readers") == sorted(people[8:])


def test_the_overview_has_every_segment(shop: Any) -> None:
    (row,) = rapport("segments")
    assert (row["segment"], row["members"], row["entered"]) == ("open_ticket", 1, 1)


def test_a_scaffolded_segment_is_sound(shop: Any) -> None:
    written = rapport("new", "segment", "regulars")["written"]
    assert len(written) == 2
    definitions = load()
    assert definitions.problems == {}
    assert "regulars" in definitions.segments
    with pytest.raises(ConfigError, match="the segment exists"):
        rapport("new", "segment", "regulars")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("purpose: service", "purpos: service"), "purpose"),
        (("purpose: service", "purpose: fun"), "purpose"),
        (("destinations: [intercom]", "destinations: [pigeon]"), 'no destination "pigeon"'),
        (("key: open_ticket", "key: other_key"), "must be one name"),
        (("priority: 1", "priority: 1\n          size_band: [9, 1]"), "size_band"),
        (("purpose: service", "name_of_purpose: x"), "purpose"),
        (("priority: 1", "priority: 1\n          steps: [0, 3]"), "a series needs a goal"),
        (("priority: 1", "priority: 1\n          steps: [3, 0]"), "each later than"),
        (("priority: 1", "priority: 1\n          mode: replace"), "mode"),
        (("priority: 1", "priority: 1\n          variants: {a: 0.5, b: 0.2}"), "add up to 1"),
    ],
)
def test_a_wrong_file_is_told_with_its_line_and_stops_no_other(
    shop: Any, change: tuple[str, str], complaint: str
) -> None:
    rapport("new", "segment", "regulars")
    path = shop.home / FOLDER / "seg_open_ticket.yml"
    path.write_text(path.read_text().replace(*change))
    definitions = load()
    assert list(definitions.segments) == ["regulars"]
    problem = definitions.problems["seg_open_ticket"]
    assert complaint in problem
    assert "seg_open_ticket.yml:" in problem


def test_a_segment_shows_its_sizes_by_night_and_its_overlaps(world: Any) -> None:
    from rapport.activation.answers.overview import detail

    world.customers("ann", "bob", "cid")
    world.segment("readers", ["ann", "bob"])
    world.segment("writers", ["bob", "cid"], purpose="service")
    world.night()
    world.members("readers", "bob")
    world.night()
    found = detail(world.connection, "readers")
    assert [(row["members"], row["entered"], row["left"]) for row in found["sizes"]] == [
        (1, 0, 1),
        (2, 2, 0),
    ]
    assert found["overlaps"] == [{"segment": "writers", "members": 1}]


def test_the_sizes_of_one_segment_are_a_command(shop: Any) -> None:
    assert rapport("segments", "open_ticket")["sizes"][0]["members"] == 1
    with pytest.raises(ConfigError, match="There are: open_ticket"):
        rapport("segments", "nobody")

"""What every destination must do, found by being in `rapport/destinations`."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.everything import room

from rapport.connectors import all_destinations
from rapport.errors import ConfigError
from rapport.settings import known
from rapport.vendors.connections import Connection
from rapport.vendors.destination import (
    Audience,
    Batch,
    Destination,
    Job,
    Person,
    Result,
    RunContext,
)
from rapport.vendors.http_destination import HttpDestination
from rapport_sandbox.recorder import OPTIONS, Recorder

AS_OF = datetime(2026, 3, 31, 3, tzinfo=UTC)
CANARY = "canary.person@example.com"
AUDIENCE = Audience(
    "readers", "Readers", "email", "marketing", {"score": "integer", "read_at": "datetime"}
)
# A destination that takes every row stands here with the reason.
TAKES_EVERYTHING = {
    "files": "a row is text, and every text can be written",
    "slack": "people are counted and not sent",
}


@pytest.fixture(params=sorted(all_destinations()))
def tool(request: pytest.FixtureRequest, tmp_path: Path, twins: Recorder) -> Iterator[Destination]:
    kind = all_destinations()[request.param]
    connection = twins.connection(kind.name) if kind.needs_connection else None
    options = OPTIONS.get(kind.name, {}) if connection else {"path": str(tmp_path / "out")}
    made = kind(options, connection, sleep=lambda seconds: None)
    yield made
    made.close()


def person(number: int, **fields: Any) -> Person:
    traits = {"score": number, "read_at": "2026-03-30T12:00:00Z"}
    return Person(
        f"customer_{number}", email=f"p{number}@example.com", phone=f"+4930{number:06d}",
        full_name=f"Person {number}", user_id=f"u_{number}", traits=traits, **fields,
    )  # fmt: skip


NO_ADDRESS = Person("customer_32", email="nobody", phone="12", user_id="", traits={"score": 1})
# A row that the tool refuses, where it is not the address that is none.
BAD = {"intercom": Person("customer_32", email="p31@example.com", traits={"score": 1})}


def upsert(tool: Destination, people: Batch) -> Sequence[Result]:
    """Put people on the list, and follow a job to its end."""
    return _followed(tool, tool.upsert(people), people)


def remove(tool: Destination, people: Batch) -> Sequence[Result]:
    return _followed(tool, tool.remove(people), people)


def _followed(
    tool: Destination, answer: Sequence[Result] | Job | None, people: Batch
) -> Sequence[Result]:
    job, looks = answer, 0
    while isinstance(job, Job):
        looks += 1
        assert looks < 100
        answer = tool.poll(job, people)
        job = job if answer is None else None
    assert answer is not None
    return list(answer)  # type: ignore[arg-type]


def batch(*people: Person, id: str = "batch_1") -> Batch:
    return Batch(id, AUDIENCE, people, "20260331T030000Z-01", AS_OF)


def run_context(*people: Person) -> RunContext:
    return RunContext("20260331T030000Z-01", AS_OF, "abc123", lambda: iter(people))


def test_there_are_destinations() -> None:
    assert {"files", "intercom"} <= all_destinations().keys()


def test_a_destination_says_what_it_needs() -> None:
    for name, kind in all_destinations().items():
        assert name == kind.name and name in known("destinations")
        assert kind.documentation.startswith("https://")
        assert kind.batch_size > 0
        assert bool(kind.connection_fields) == kind.needs_connection


def test_an_option_that_is_not_there_is_named(tool: Destination) -> None:
    name = f"{tool.name}_of_ours"
    with pytest.raises(ConfigError, match=rf"destinations\.{name}\.adress: Extra inputs"):
        type(tool)({"adress": "x"}, tool.connection, name=name)


def test_a_connection_without_a_login_says_what_is_missing(tool: Destination) -> None:
    if isinstance(tool, HttpDestination):
        options = OPTIONS.get(tool.name, {})
        for nobody in (None, Connection(tool.name)):
            with pytest.raises(ConfigError, match=re.escape(tool.missing)):
                type(tool)(options, nobody)


def test_every_connector_that_is_asked_over_http_says_so() -> None:
    others = {
        name for name, kind in all_destinations().items() if not issubclass(kind, HttpDestination)
    }
    assert others == {"files", "smtp"}


def test_an_empty_batch_makes_no_write(tool: Destination, twins: Recorder) -> None:
    tool.prepare(AUDIENCE)
    twins.requests.clear()
    assert list(upsert(tool, batch())) == []
    assert list(remove(tool, batch())) == []
    assert twins.writes == []


def test_every_row_has_its_answer(tool: Destination) -> None:
    people = [person(number) for number in range(11, 14)]
    tool.prepare(AUDIENCE)
    results = upsert(tool, batch(*people))
    assert [(result.customer_id, result.error) for result in results] == [
        (one.customer_id, None) for one in people
    ]
    gone = remove(tool, batch(*people, id="batch_2"))
    assert all(result.accepted for result in gone)


def test_the_same_batch_twice_changes_nothing(tool: Destination) -> None:
    people = [person(number) for number in range(21, 24)]
    tool.prepare(AUDIENCE)
    first = upsert(tool, batch(*people))
    assert list(upsert(tool, batch(*people))) == list(first)


def test_somebody_who_is_not_listed_can_be_removed(tool: Destination) -> None:
    tool.prepare(AUDIENCE)
    assert remove(tool, batch(person(99)))[0].accepted


def test_a_trait_that_is_declared_no_more_is_taken_as_empty(tool: Destination) -> None:
    tool.prepare(AUDIENCE)
    upsert(tool, batch(person(34)))
    fewer = replace(AUDIENCE, attributes={"score": "integer"})
    tool.prepare(fewer)
    listed = replace(person(34), is_listed=True, traits={"score": 35, "read_at": None})
    (result,) = upsert(tool, replace(batch(listed, id="batch_2"), audience=fewer))
    assert result.accepted, result.error


def test_whom_we_sent_is_read_back_and_nobody_who_was_removed(tool: Destination) -> None:
    people = [person(number) for number in range(41, 44)]
    tool.prepare(AUDIENCE)
    upsert(tool, batch(*people))
    held = tool.members(AUDIENCE)
    if held is None:
        pytest.skip("the tool cannot list who is on a list")
    assert {one.customer_id for one in people} <= {contact.external_id for contact in held}
    remove(tool, batch(people[0], id="batch_2"))
    left = {contact.external_id for contact in tool.members(AUDIENCE) or ()}
    assert people[0].customer_id not in left
    assert {one.customer_id for one in people[1:]} <= left


def test_one_bad_row_does_not_sink_the_batch(tool: Destination) -> None:
    if tool.name in TAKES_EVERYTHING:
        pytest.skip(TAKES_EVERYTHING[tool.name])
    tool.prepare(AUDIENCE)
    upsert(tool, batch(person(31)))
    bad = BAD.get(tool.name, NO_ADDRESS)
    results = upsert(tool, batch(bad, person(33), id="batch_2"))
    assert [result.accepted for result in results] == [False, True]
    assert str(bad.email) not in str(results)


def test_the_outgoing_request_is_the_known_one(
    tool: Destination, twins: Recorder, tmp_path: Path
) -> None:
    tool.prepare(AUDIENCE)
    upsert(tool, batch(person(41)))
    tool.finish(AUDIENCE, run_context(person(41)))
    remove(tool, batch(person(41), id="batch_2"))
    sent = [
        {key: asked[key] for key in ("method", "path", "body")}
        for asked in twins.requests
        if tool.needs_connection and not asked["path"].endswith("/token")  # a login has its time
    ]
    out = tmp_path / "out"
    files = {
        str(path.relative_to(out)): path.read_text()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    snapshot = room(type(tool)) / f"{tool.name}.snapshot.json"
    found = json.dumps({"requests": sent, "files": files}, indent=1, sort_keys=True) + "\n"
    if not snapshot.exists():
        snapshot.write_text(found)
        pytest.fail(f"{snapshot.name} was written: read it and run again")
    assert found == snapshot.read_text()


def test_no_personal_data_is_logged(
    tool: Destination, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = Person("customer_51", email=CANARY, full_name="Canary Person", traits={"score": 1})
    tool.prepare(AUDIENCE)
    upsert(tool, batch(canary))
    remove(tool, batch(canary, id="batch_2"))
    list(tool.contacts())
    written = caplog.text + "".join(capfd.readouterr())
    assert "canary" not in written.lower()
    assert CANARY not in repr(canary)


@pytest.mark.parametrize("is_sent_first", [True, False])
def test_whoever_leaves_with_a_new_address_is_on_the_list_under_no_address(
    tool: Destination, is_sent_first: bool
) -> None:
    tool.prepare(AUDIENCE)
    (first,) = upsert(tool, batch(person(11)))
    now = {"remote_id": first.remote_id, "is_listed": True}
    moved = replace(person(11, **now), email="moved@example.com", phone="+4930999999")
    if is_sent_first:
        (second,) = upsert(tool, batch(moved, id="batch_2"))
        moved = replace(moved, remote_id=second.remote_id or first.remote_id)
    (gone,) = remove(tool, batch(replace(moved, traits={}), id="batch_3"))
    assert gone.accepted
    assert list(tool.members(AUDIENCE) or ()) == []

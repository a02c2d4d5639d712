"""Whoever is erased is nowhere any more, nobody else is touched, and nothing brings them back."""

import os
import random
import shutil
import signal
import subprocess
import sys
from typing import Any

import pytest

from rapport import privacy
from rapport.activation.planning.list_guards import refuse_lost_ledger
from rapport.connectors import all_sources
from rapport.errors import ConfigError, GateFailed, RetryLater
from rapport.landing import person_references, tombstones
from rapport.privacy.erase import erase, preview, receipts
from rapport.privacy.person import find
from rapport.settings import load_settings
from rapport.vendors.destination import Destination, Person

from ..faults.tally import kill
from .conftest import CANARIES, MAIL, NOW, OLD_MAIL, PHONE, TOMS, Held, records, send


class Tool(Destination):
    """A tool that remembers whom it was asked to forget."""

    name = "files"
    asked: list[Person]

    def __init__(self, *, is_down: bool = False) -> None:
        super().__init__()
        self.asked = []
        self.is_down = is_down

    def erase(self, person: Person) -> str | None:
        if self.is_down:
            raise RetryLater("tool: 503. Try again later.")
        self.asked.append(person)
        return "deleted"


def traces(held: Held) -> list[str]:
    text = held.everything()
    return [canary for canary in CANARIES if canary.lower() in text.lower()]


def test_the_person_is_in_every_store_before(held: Held) -> None:
    assert traces(held) == list(CANARIES)
    counts = preview(held.connection, MAIL)
    assert {name.split(".")[0] for name in counts} >= {
        "raw", "identity", "identity_build", "marts", "marts_pii", "segments", "activation",
    }  # fmt: skip


@pytest.mark.parametrize("who", [MAIL, OLD_MAIL, "c_mara", "c_before_merge", "zendesk:users:201"])
def test_nothing_of_the_person_is_left_and_nobody_else_is_touched(held: Held, who: str) -> None:
    erase(held.connection, held.ask(who), at=NOW)
    assert traces(held) == []
    for table, tom in {
        "marts.dim_customers": "customer_id = 'c_tom'",
        "marts_pii.dim_customer_contacts": f"email = '{TOMS}' and phone = '{PHONE}'",
        "raw.hubspot__contacts": "record_key = '102'",
        "raw.zendesk__ticket_metrics": "record_key = '402'",
        "raw.amplitude__events": "record_key = 'e2'",
        "identity.members": "profile_id = 'zendesk:users:202'",
        "identity.identifiers": f"normal_form = '{PHONE}'",
        "activation.ledger": "customer_id = 'c_tom'",
        "marts.mart_nps_daily": "nps = 42",
    }.items():
        assert held.one(f"select count(*) from {table} where {tom}") == 1, table
    mention = held.one("select payload ->> 'description' from raw.zendesk__tickets")
    assert mention == "My friend [erased] said hello"
    assert held.one("select must_rebuild from identity.state")


def test_no_refusal_and_no_earlier_address_of_the_person_is_left(held: Held) -> None:
    held.connection.execute(
        """
        insert into identity.refusals
            (source, profile_id, customer_id, channel, purpose, event_id, first_as_of)
        values
            ('hubspot', 'hubspot:contacts:9', 'c_before_merge', 'email', 'marketing', 'e', now()),
            ('hubspot', 'hubspot:contacts:8', 'c_tom', 'email', 'marketing', 'e', now());
        insert into identity.earlier_addresses values (99, 'c_mara', 1), (98, 'c_tom', 1)
        """
    )
    erase(held.connection, held.ask(), at=NOW)
    for table in ("refusals", "earlier_addresses"):
        left = held.connection.execute(f"select customer_id from identity.{table}")
        assert left.fetchall() == [("c_tom",)]


def test_every_store_and_tool_gives_a_receipt_that_names_nobody(held: Held) -> None:
    request = held.ask()
    given = {one.store: one for one in erase(held.connection, request, at=NOW)}
    assert given["tool files"].state == "erased"
    assert given["source hubspot"].state == "by_hand"
    assert given["raw.hubspot__contacts"].items == 1
    assert given["marts.dim_customers"].items == 1
    assert given["files of the project"].items == 1
    assert {f"raw.{source}__{stream}" for source, stream in person_references.streams()} <= set(
        given
    )
    row = held.connection.execute("select state, person, finished_at from privacy.requests")
    assert row.fetchone() == ("done", None, NOW)
    assert held.one("select count(*) from privacy.subjects") == 0


def test_exports_lose_the_line_and_the_manifest_agrees(held: Held) -> None:
    erase(held.connection, held.ask(), at=NOW)
    file = next(held.var.rglob("*full.csv"))
    assert file.read_text() == f'"customer_id","email"\n"c_tom","{TOMS}"\n'
    assert '"rows": 1' in file.with_name("manifest.json").read_text()


def test_a_list_that_held_only_them_is_not_taken_for_lost(held: Held) -> None:
    held.connection.execute(
        "delete from activation.ledger where customer_id = 'c_tom';"
        " insert into activation.sync_runs (sync_id, sync_run_id, run_id, destination, segment,"
        " model_name, status, as_of, finished_at, held) select '', '', 'r', destination, segment,"
        " '', 'success', now(), now(), 1 from activation.ledger"
    )
    destination, segment = held.connection.execute(
        "select destination, segment from activation.ledger"
    ).fetchone()
    erase(held.connection, held.ask(), at=NOW)
    refuse_lost_ledger(held.connection, destination, segment)
    held.connection.execute("update activation.sync_runs set held = 2")
    with pytest.raises(GateFailed, match="has 0 people, the last run left 1 "):
        refuse_lost_ledger(held.connection, destination, segment)


def test_a_full_reload_does_not_bring_them_back(held: Held) -> None:
    erase(held.connection, held.ask(), at=NOW)
    assert send(held.connection, records(), records(TOMS, "tom", 2)) == 0
    assert traces(held) == []
    held.connection.execute("truncate raw.hubspot__contacts, raw.zendesk__tickets")
    assert send(held.connection, records(), records(TOMS, "tom", 2)) == 2
    assert traces(held) == []


def test_they_do_not_come_back_from_another_tool_under_another_id(held: Held) -> None:
    erase(held.connection, held.ask(), at=NOW)
    one, other = records(number=7), records(MAIL.upper(), "nobody", 8)
    tickets = ("zendesk", "tickets")
    send(held.connection, {tickets: other.pop(tickets)})
    send(held.connection, one, other)
    keys = "select string_agg(record_key, ' ' order by record_key) from raw.zendesk__{}"
    assert held.one(keys.format("users")) == "202"
    assert held.one(keys.format("tickets")) == "302 308", "308 came before its author was known"
    privacy.work(held.connection, at=NOW)
    assert held.one(keys.format("tickets")) == "302"
    assert "canary" not in held.everything().lower()


def test_who_wants_to_may_come_back(held: Held) -> None:
    erase(held.connection, held.ask(), at=NOW)
    assert tombstones.remove(held.connection, {"email": {MAIL}}) == 1
    new = {("typeform", "responses"): [{"token": "t9", "form_id": "f", "hidden": {"email": MAIL}}]}
    assert send(held.connection, new) == 1


def test_a_tool_is_not_asked_for_a_number_with_an_extension(held: Held) -> None:
    for number in ("+12125550177", "+12125550123;ext=12"):
        held.connection.execute(
            "with made as (insert into identity.identifiers (identifier_type, normal_form)"
            " values ('phone', %s) returning identifier_key)"
            " insert into identity_build.int_identifiers_normalised (profile_key, identifier_key)"
            " select profile_key, identifier_key from identity.profiles, made"
            " where profile_id = 'hubspot:contacts:101'", [number],
        )  # fmt: skip
    tool = Tool()
    erase(held.connection, held.ask(), at=NOW, open_with=lambda *_: tool)
    assert {person.phone for person in tool.asked} == {None, "+12125550177"}


def test_a_tool_that_is_down_keeps_the_request_open_but_not_the_stores_full(held: Held) -> None:
    shutil.rmtree(held.var / "exports")
    tools = [Tool(is_down=True), Tool()]
    request = held.ask()
    with pytest.raises(RetryLater):
        erase(held.connection, request, at=NOW, open_with=lambda *_: tools[0])
    assert held.one("select count(*) from marts.dim_customers") == 1
    assert held.one("select state from privacy.requests") != "done"
    erase(held.connection, request, at=NOW, open_with=lambda *_: tools[1])
    assert {person.remote_id for person in tools[1].asked} == {"remote-c_mara", None}
    assert MAIL.lower() in {person.email for person in tools[1].asked}
    assert held.one("select state from privacy.requests") == "done"
    assert traces(held) == []


def test_a_night_under_way_is_waited_for(held: Held) -> None:
    held.connection.execute("insert into ops.nights (run_id, as_of) values ('now', now())")
    from datetime import UTC, datetime

    with pytest.raises(RetryLater, match="run now is in progress"):
        erase(held.connection, held.ask(), at=datetime.now(UTC))
    assert held.one("select count(*) from marts.dim_customers") == 2


def test_an_address_of_several_customers_is_refused_with_their_ids(held: Held) -> None:
    with pytest.raises(ConfigError, match=r"2 customers: c_mara, c_tom"):
        find(held.connection, PHONE)


def test_somebody_nobody_knows_leaves_a_tombstone_all_the_same(held: Held) -> None:
    erase(held.connection, held.ask("stranger@example.com"), at=NOW)
    assert held.one("select count(*) from privacy.tombstones") == 1
    assert held.one("select count(*) from marts.dim_customers") == 2


def test_the_queue_is_worked_by_urgency_and_a_failure_holds_up_nobody(held: Held) -> None:
    held.ask("nobody by that name")
    held.ask()
    assert privacy.work(held.connection, at=NOW) == {"done": 1, "failed": 1, "overdue": 0}
    problem = held.one("select problem from privacy.requests where state = 'failed'")
    assert "no customer has that id" in problem
    assert privacy.work(held.connection, at=NOW.replace(month=12))["overdue"] == 1
    assert held.one("select due_at - requested_at from privacy.requests limit 1").days == 30


@pytest.mark.parametrize(("source", "stream"), person_references.streams(), ids=str)
def test_somebody_has_said_where_the_records_of_a_stream_name_a_person(
    source: str, stream: str
) -> None:
    opened = all_sources()[source](load_settings().source_options(source))
    assert stream in opened.people(), (
        f"say in connectors/{source}/__init__.py where records of {stream} name a person; "
        "{} if they do not"
    )


def test_the_tombstones_hold_no_address_and_depend_on_the_salt(held: Held) -> None:
    erase(held.connection, held.ask(), at=NOW)
    assert MAIL.lower() not in tombstones.journal().read_text().lower()
    assert tombstones.journal().stat().st_mode & 0o077 == 0
    assert tombstones.fingerprint(b"a", "email", MAIL) != tombstones.fingerprint(
        b"b", "email", MAIL
    )


WORK = """
from datetime import UTC, datetime
from rapport import privacy, warehouse
with warehouse.connect(autocommit=True) as connection:
    print(privacy.work(connection, at=datetime(2026, 4, 1, 9, tzinfo=UTC)))
"""
STEPS = 40
SEED = int(os.environ["RAPPORT_SEED"])


def kills() -> list[Any]:
    """All with `make faults`; else the two special ones and a step drawn by the run's seed."""
    every = ["privacy.person_stored", "privacy.destination_erased"]
    steps = [f"privacy.erased:{n}" for n in range(1, STEPS + 1)]
    if os.environ.get("RAPPORT_FAULTS") == "all":
        return every + steps
    drawn = random.Random(SEED).choice(steps)
    return [*every, pytest.param(drawn, id=f"{drawn}-seed-{SEED}")]


def work(fault: str | None = None) -> int:
    environment = {**os.environ, **({"RAPPORT_FAULT": fault} if fault else {})}
    done = subprocess.run(
        [sys.executable, "-c", WORK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


@pytest.mark.parametrize("fault", kills())
def test_an_erasure_killed_anywhere_goes_on_and_never_says_done_too_early(
    held: Held,
    fault: str,
    record_property: Any,
) -> None:
    request = held.ask()
    assert work(fault) == -signal.SIGKILL
    record_property(*kill("erasure, at any step", fault))
    assert held.one("select state from privacy.requests") != "done"
    assert held.one("select count(*) from privacy.tombstones") > 0
    assert work() == 0
    assert held.one("select state from privacy.requests") == "done"
    assert traces(held) == []
    stores = [one.store for one in receipts(held.connection, request.request_id)]
    assert len(stores) == len(set(stores)) > STEPS


def test_who_is_known_only_by_a_no_whose_record_is_gone_is_found_by_address(held: Held) -> None:
    gone = "gone.person@example.com"
    held.connection.execute(
        "insert into identity.identifiers (identifier_type, normal_form) values ('email', %s)",
        (gone,),
    )
    held.connection.execute(
        "insert into identity.refusals (source, profile_id, customer_id, channel, purpose,"
        " first_as_of, identifier_keys) select 'hubspot', 'hubspot:contacts:9', 'c_gone', 'email',"
        " 'marketing', now(), array[identifier_key] from identity.identifiers"
        " where normal_form = %s",
        (gone,),
    )
    erase(held.connection, held.ask(gone), at=NOW)
    assert held.one("select count(*) from identity.refusals") == 0

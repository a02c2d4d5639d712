"""Ways to reach somebody who said no, or to lose somebody, that no rule of the simulation takes."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from rapport.activation.planning.approval import decide
from rapport.activation.segments.declarations import Segment
from rapport.activation.sync.pull import note, pull_destination
from rapport.activation_options import ActivationOptions
from rapport.connectors.files.destination import Files
from rapport.connectors.files.hashing import digest
from rapport.errors import GateFailed, GiveUp, RapportError
from rapport.vendors.destination import Contact, Person

from .lifecycle.life import Life
from .lifecycle.said import speaks_of

PEOPLE = [f"p{number}" for number in range(10)]


def found(reason: str) -> pytest.MarkDecorator:
    """A finding that stands until it is mended; then the mark goes."""
    failures = (AssertionError, pytest.fail.Exception)
    return pytest.mark.xfail(strict=True, raises=failures, reason=reason)


def test_a_yes_to_adding_people_is_no_yes_to_removing_others(world: Any) -> None:
    world.options = ActivationOptions(change_floor=25)
    newcomers = [f"n{number}" for number in range(40)]
    world.customers(*PEOPLE, *newcomers)
    world.segment("readers", PEOPLE, change_budget=0.3)
    world.night()
    world.members("readers", *PEOPLE, *newcomers)
    world.night()
    decide(world.connection, "readers", approve=True, reason="a campaign begins")
    world.members("readers")
    world.night()
    assert world.tool.on("readers") == PEOPLE


def test_a_list_whose_tool_could_not_be_asked_is_not_emptied_without_a_yes(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.members("readers")
    world.night_number += 1
    note(world.connection, world.tool.name, world.as_of, "503")
    world.plan()
    world.push()
    assert world.tool.on("readers") == PEOPLE


def test_whoever_withdraws_while_a_file_breaks_between_plan_and_push_gets_nothing(
    world: Any,
) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    world.night_number += 1
    world.plan()
    world.consent("ann", False)
    del world.segments["readers"]
    world.push()
    assert "ann" not in world.tool.on("readers")


def test_a_new_ticket_holds_back_though_the_suppressor_cannot_be_built(world: Any) -> None:
    world.customers("ann", "bob")
    tickets = world.segment("open_ticket", [], purpose="service", channel="none", priority=1)
    world.segments["open_ticket"] = tickets.model_copy(update={"suppresses": ("marketing",)})
    world.segment("readers", [])
    world.night()
    world.members("open_ticket", "ann")
    world.members("readers", "ann")
    world.frozen["open_ticket"] = "dbt could not build seg_open_ticket"
    world.night()
    assert world.tool.on("readers") == []


def test_whoever_withdraws_leaves_a_list_that_is_refused_for_its_ledger(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.connection.execute("delete from activation.ledger where customer_id > 'p2'")
    world.consent("p1", False)
    world.night()
    assert "p1" not in world.tool.on("readers")


def test_whoever_withdraws_leaves_a_list_that_cannot_be_prepared(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.night()
    world.consent("p1", False)

    def prepare(audience: Any) -> None:
        raise GiveUp("tool: 400, no more attributes")

    world.tool.prepare = prepare
    with contextlib.suppress(RapportError):
        world.night()
    assert "p1" not in world.tool.on("readers")


def test_a_mail_needs_the_consent_to_mail_whatever_channel_the_segment_names() -> None:
    declared = {
        "key": "readers", "name": "Readers", "description": "People that a test made up here.",
        "owner": "tests", "size_band": [0, 100], "expires": "2030-01-01", "needs": ["orders"],
        "destinations": ["sendgrid_mail"],
    }  # fmt: skip
    for named in ({"purpose": "service", "channel": "none"},
                  {"purpose": "marketing", "channel": "sms"}):  # fmt: skip
        with pytest.raises(ValueError, match="channel"):
            Segment.model_validate({**declared, **named})


def test_a_tool_that_lists_nobody_takes_nobody_s_no_back(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)
    world.tool.told = [Contact("r1", "p1", says=("unsubscribed",)),
                       Contact("r2", "p2", says=("complained",))]  # fmt: skip
    world.night()
    world.tool.told = []
    world.night()
    assert not {"p1", "p2"} & set(world.tool.on("readers"))


def test_an_erasure_tells_a_tool_of_texts_the_number(life: Life) -> None:
    asked: list[str | None] = []

    def heard(account: Any, person: Person) -> None:
        asked.append(person.phone)

    life.night()
    life.accounts["twilio"].is_asked_to_erase = heard
    life.is_erased("p1")
    assert "+49305550001" in asked


@found("a removal names the address of tonight, not the one that was sent")
def test_an_ads_file_takes_off_the_address_that_was_put_on(world: Any, tmp_path: Path) -> None:
    world.tool = Files({"path": str(tmp_path), "hash": "google"})
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"], traits={})
    world.night_number += 1
    world.plan()
    world.push()
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set email = 'ann@new.example'"
        " where customer_id = 'ann'"
    )
    world.consent("ann", False)
    world.night_number += 1
    world.plan()
    world.push()
    (removed,) = tmp_path.glob(f"readers/files/{world.as_of.date()}/*removed.csv")
    assert digest("ann@example.com") in removed.read_text()


@found("point 11: what was sent and not recorded is not counted")
def test_a_message_whose_answer_was_lost_counts_for_the_cap(life: Life) -> None:
    life.oracle.counts_unanswered = True
    for name in ("intercom", "mailchimp", "sendgrid_mail"):
        life.switches("destinations", name, False)
    for _ in range(2):
        life.night(kill_at="activation.answered", again=False)
    life.night()


def test_whoever_is_missing_at_the_tool_gets_no_more_messages_than_the_cap(world: Any) -> None:
    world.options = ActivationOptions(change_floor=1000, caps={"email": {"messages": 2, "days": 7}})
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"])
    messages = 0
    for _ in range(4):
        world.night_number += 1
        pull_destination(world.connection, world.definitions, world.tool, world.as_of, 1)
        world.plan()
        world.push()
        messages += "ann" in world.tool.on("readers")
        world.tool.lists["readers"].pop("ann", None)
    assert messages <= 2


def test_an_address_that_is_new_tonight_and_out_at_a_tool_gets_nothing(life: Life) -> None:
    life.night()
    life.accounts["sendgrid_mail"].unsubscribe("p9@example.org")
    life.night()
    life.address_is_replaced("p1", "p9@example.org")
    life.night()


def test_a_no_counts_by_an_address_that_the_person_no_longer_offers(life: Life) -> None:
    life.night()
    life.address_is_replaced("p1", "p1@example.org")
    life.night()
    life.unsubscribes_by_a_former_address("p1", "sendgrid_mail")
    life.night()


def test_a_no_counts_by_an_address_that_joins_nobody(life: Life) -> None:
    life.company.excluded.add("p1@example.net")
    life.night()
    life.unsubscribes("p1", "mailchimp", by=1)
    life.night()


def test_a_no_follows_the_person_who_said_it_out_of_a_merge(life: Life) -> None:
    life.night()
    life.merges("p1", "p0")
    life.night()
    life.unsubscribes("p1", "mailchimp")
    life.night()
    life.splits("p1")
    life.night()
    life.the_tool_forgets("p1", "mailchimp")
    life.night()


def test_an_erasure_that_was_killed_is_not_undone_by_a_night(life: Life) -> None:
    life.night()
    life.an_erasure_is_killed("p1", "privacy.erased:2")
    life.traits_change()
    life.night()
    life.is_erased("p1")


def test_a_no_is_heard_from_an_answer_that_is_otherwise_not_believed(world: Any) -> None:
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people)
    world.tool.lists_everybody = True
    world.tool.told = [Contact(f"remote_{one}@example.com", one) for one in people]
    world.night()
    world.night_number += 1
    world.tool.told = [Contact("remote_p1@example.com", "p1", says=("unsubscribed",))]
    with contextlib.suppress(GateFailed):
        world.pull()
    note(world.connection, world.tool.name, world.as_of, "19 of 20 contacts are gone")
    world.plan()
    world.push()
    assert "p1" not in world.tool.on("readers")


def test_a_no_counts_by_a_number_in_whatever_form_the_tool_writes_it(world: Any) -> None:
    world.channel = "sms"
    world.customers("ann", "bob")
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set phone = '+493012345' where customer_id = 'ann'"
    )
    world.segment("readers", ["ann", "bob"], channel="sms")
    world.tool.told = [Contact("r", phone="+49 30 12345", says=("unsubscribed",), channel="sms")]
    world.night()
    assert "ann" not in world.tool.on("readers")


def test_a_no_of_the_survivor_takes_the_merged_one_s_contact_off_too(life: Life) -> None:
    life.project.declare("care", destinations=["mailchimp"], mode="upsert")
    life.night()
    life.merges("p4", "p5")
    life.withdraws("p5")
    life.night()


def test_a_list_that_was_never_pushed_to_its_end_is_not_emptied_without_a_yes(world: Any) -> None:
    world.customers(*PEOPLE)
    world.segment("readers", PEOPLE)

    def breaks(op: str, batch: Any) -> None:
        if "p9" in {person.customer_id for person in batch.people}:
            raise GiveUp("tool: 500 on this batch")

    world.tool.before_call = breaks
    for _ in range(2):
        with pytest.raises(RapportError):
            world.night()
    before = world.tool.on("readers")
    world.members("readers")
    with contextlib.suppress(RapportError):
        world.night()
    assert world.tool.on("readers") == before


def test_a_cap_on_one_channel_leaves_the_caps_of_the_others(world: Any) -> None:
    options = ActivationOptions.model_validate({"caps": {"email": {"messages": 1, "days": 7}}})
    assert {"email", "sms", "push"} <= options.caps.keys()


def test_a_yes_to_texts_lets_no_mail_address_out(world: Any, tmp_path: Path) -> None:
    world.tool = Files({"path": str(tmp_path), "hash": "google"})
    world.channel = "sms"
    world.customers("ann", "bob")
    world.connection.execute("update marts_pii.dim_customer_contacts set phone = '+493012345'")
    world.segment("readers", ["ann", "bob"], channel="sms", traits={})
    world.night_number += 1
    world.plan()
    world.push()
    (full,) = tmp_path.glob("readers/files/*/*full.csv")
    assert digest("ann@example.com") not in full.read_text()


def test_a_merge_at_a_tool_takes_nobody_for_deleted(life: Life) -> None:
    life.night()
    life.merges("p2", "p1")
    life.the_tool_merges("p2", "intercom")
    for _ in range(2):
        life.night()


@found("point 4: a connection to another workspace orphans every list of the old one, unsaid")
def test_a_tool_that_is_another_workspace_is_spoken_of(life: Life) -> None:
    life.night()
    old = life.accounts["mailchimp"]
    life.the_workspace_changes("mailchimp")
    life.withdraws("p1")
    life.night()
    assert "p1@example.com" in {row["address"] for row in old.on("news")}
    assert speaks_of(life.said, "mailchimp", "news")

"""Who is not sent, and why; what stops a list from changing."""

from datetime import date
from typing import Any

import pytest

from rapport.activation.planning.list_plan import ListPlan
from rapport.activation_options import ActivationOptions, Cap
from rapport.errors import GateFailed
from rapport.vendors.destination import Contact


def balanced(plan: ListPlan) -> bool:
    return plan.members == plan.unchanged + plan.add + plan.update + sum(plan.not_sent.values())


def test_each_member_who_is_not_sent_has_a_reason(world: Any) -> None:
    world.customers("ann", "bob", "cid", "dan", "eve")
    world.customers("fay", consent=False)
    world.consent("bob", False)
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set email = null where customer_id = 'cid'"
    )
    world.tool.told = [Contact("r1", "dan", says=("unsubscribed",))]
    world.segment("waiting", ["eve"], purpose="service", suppresses=["marketing"])
    world.segment("readers", ["ann", "bob", "cid", "dan", "eve", "fay"])
    counts = world.night()["readers"]
    assert world.reasons("readers") == {
        "bob": "no_consent",
        "cid": "no_address",
        "dan": "suppressed",
        "eve": "waiting",
        "fay": "no_consent",
    }
    assert (counts["members"], counts["sent"]) == (6, 1)


def test_a_text_goes_to_no_number_with_an_extension(world: Any) -> None:
    world.channel = "sms"
    world.customers("ann", "bob")
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set phone ="
        " case customer_id when 'ann' then '+12125550123;ext=12' else '+12125550123' end"
    )
    world.segment("readers", ["ann", "bob"], channel="sms")
    world.night()
    assert world.reasons("readers") == {"ann": "no_address"}
    assert world.tool.on("readers") == ["bob"]


def test_an_unsubscribe_counts_in_the_other_tools_and_until_it_is_taken_back(world: Any) -> None:
    world.customers("ann")
    world.connection.execute(
        "insert into activation.suppressions"
        " values ('other', 'ann', 'unsubscribed', 'email', now())"
    )
    world.segment("readers", ["ann"])
    world.segment("billing", ["ann"], purpose="service")
    world.night()
    assert world.tool.on("readers") == []
    assert world.tool.on("billing") == ["ann"]
    world.connection.execute("update activation.suppressions set lifted_at = now()")
    world.night()
    assert world.tool.on("readers") == ["ann"]


def test_an_unsubscribe_under_an_address_counts_for_all_who_have_it(world: Any) -> None:
    world.customers("ann", "bob")
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set email = 'Shared@example.com'"
    )
    world.tool.told = [Contact("r1", None, "shared@example.com", ("unsubscribed",))]
    world.segment("readers", ["ann", "bob"])
    world.night()
    assert world.reasons("readers") == {"ann": "suppressed", "bob": "suppressed"}


def test_a_no_to_text_messages_is_kept_for_the_number_and_that_channel(world: Any) -> None:
    world.customers("ann", "bob")
    world.connection.execute(
        "update marts_pii.dim_customer_contacts set phone = '+4930111' where customer_id = 'ann'"
    )
    said = Contact("r1", says=("unsubscribed",), phone="+4930111", channel="sms")
    world.tool.told = [said]
    world.night()
    kept = "select customer_id, kind, channel from activation.suppressions where lifted_at is null"
    assert world.connection.execute(kept).fetchall() == [("ann", "unsubscribed", "sms")]
    world.tool.told = []
    world.night()
    assert world.connection.execute(kept).fetchall() == [("ann", "unsubscribed", "sms")]
    world.channel = "sms"
    world.consent("ann", True)
    world.connection.execute("update marts.dim_consents set changed_at = changed_at + '1 hour'")
    world.night()
    assert world.connection.execute(kept).fetchall() == []


def test_service_needs_no_yes_but_heeds_a_no(world: Any) -> None:
    world.customers("ann", "bob", consent=False)
    world.consent("bob", False, purpose="service")
    world.segment("billing", ["ann", "bob"], purpose="service")
    world.night()
    assert world.tool.on("billing") == ["ann"]


def test_hold_outs_are_the_same_every_night_and_about_their_share(world: Any) -> None:
    people = [f"p{number:03}" for number in range(400)]
    world.customers(*people)
    world.tool.batch_size = 500
    world.segment("readers", people, holdout_share=0.25)
    world.night()
    first = world.reasons("readers")
    assert set(first.values()) == {"holdout"}
    assert 70 <= len(first) <= 130
    world.night()
    assert world.reasons("readers") == first


def test_the_control_group_gets_no_marketing_but_service(world: Any) -> None:
    people = [f"p{number:03}" for number in range(200)]
    world.customers(*people)
    world.tool.batch_size = 500
    world.options = ActivationOptions(control_share=0.1, change_floor=1000)
    world.segment("readers", people)
    world.segment("writers", people, priority=200)
    world.segment("billing", people, purpose="service")
    world.night()
    control = {key for key, reason in world.reasons("readers").items() if reason == "holdout"}
    assert 8 <= len(control) <= 35
    assert control == {k for k, reason in world.reasons("writers").items() if reason == "holdout"}
    assert len(world.tool.on("billing")) == 200


def test_one_person_gets_one_campaign_a_channel(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("first", ["ann"], priority=1)
    world.segment("second", ["ann", "bob"], priority=2)
    world.segment("billing", ["ann"], purpose="service", priority=3)
    world.night()
    assert world.tool.on("first") == ["ann"]
    assert world.tool.on("second") == ["bob"]
    assert world.tool.on("billing") == ["ann"]
    assert world.reasons("second") == {"ann": "lower_priority"}


def test_who_is_held_out_of_a_campaign_is_free_for_the_next(world: Any) -> None:
    world.customers("ann")
    world.segment("first", ["ann"], priority=1, holdout_share=0.999999)
    world.segment("second", ["ann"], priority=2)
    world.night()
    assert world.tool.on("second") == ["ann"]


def test_the_cap_counts_campaigns_over_all_segments(world: Any) -> None:
    world.options = ActivationOptions(caps={"email": Cap(messages=2, days=7)}, change_floor=1000)
    world.customers("ann")
    for number, key in enumerate(["one", "two", "six"]):
        world.segment(key, ["ann"] if key == "one" else [], priority=number + 1)
    world.night()
    world.members("one")
    world.members("two", "ann")
    world.night()
    world.members("two")
    world.members("six", "ann")
    world.night()
    assert world.reasons("six") == {"ann": "frequency_cap"}
    world.night_number += 7
    world.night()
    assert world.tool.on("six") == ["ann"]


def test_a_large_change_waits_and_the_list_stays(world: Any) -> None:
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    world.members("readers", *people[8:])
    counts = world.night()["readers"]
    assert world.tool.on("readers") == sorted(people[:10])
    assert counts["not_sent"] == {"waiting_for_approval": 10}
    assert "change_budget" in counts["cause"]


def test_a_waiting_list_still_lets_go_of_who_withdrew(world: Any) -> None:
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    world.members("readers", *people[8:])
    world.consent("p9", False)
    world.night()
    assert world.tool.on("readers") == sorted(people[:9])


def test_an_approved_change_goes_through_once(world: Any) -> None:
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(30)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    world.members("readers", *people[8:18])
    world.night()
    world.connection.execute("update activation.approvals set state = 'approved'")
    world.again()
    assert world.tool.on("readers") == sorted(people[8:18])
    world.members("readers", *people[16:26])
    world.night()
    assert world.tool.on("readers") == sorted(people[8:18])


def test_a_declined_change_is_not_asked_again_the_same_night(world: Any) -> None:
    world.options = ActivationOptions(change_floor=2)
    people = [f"p{number}" for number in range(20)]
    world.customers(*people)
    world.segment("readers", people[:10], change_budget=0.3)
    world.night()
    world.members("readers", *people[8:])
    world.night()
    world.connection.execute("update activation.approvals set state = 'declined'")
    world.again()
    rows = world.connection.execute("select state from activation.approvals").fetchall()
    assert rows == [("declined",)]
    assert world.tool.on("readers") == sorted(people[:10])


def test_a_size_outside_of_its_band_waits(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"], size_band=(0, 1))
    counts = world.night()["readers"]
    assert world.tool.on("readers") == []
    assert counts["not_sent"] == {"waiting_for_approval": 2}


@pytest.mark.parametrize(("runs", "sent"), [(6, ["ann", "bob"]), (7, [])])
def test_without_a_band_the_size_is_compared_with_that_of_earlier_runs(
    world: Any, runs: int, sent: list[str]
) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann", "bob"], size_band=None)
    world.connection.execute(
        "insert into segments.sizes select 'readers', timestamptz '2020-01-01' + n * interval"
        " '1 day', 'run', 600 + n, 0, 0, null from generate_series(1, %s) as n",
        (runs,),
    )
    world.night()
    assert world.tool.on("readers") == sent
    if not sent:
        row = world.connection.execute("select cause from activation.approvals").fetchone()
        assert row == ("2 members are outside of the usual size of this segment, 120 to 3020",)


def test_a_list_that_would_become_empty_waits(world: Any) -> None:
    people = [f"p{number}" for number in range(6)]
    world.customers(*people)
    world.segment("readers", people)
    world.night()
    world.members("readers")
    world.night()
    assert world.tool.on("readers") == people


def test_a_frozen_list_keeps_its_members_and_says_why(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann"])
    world.night()
    world.members("readers")
    world.frozen["readers"] = "orders of files are stale"
    counts = world.night()["readers"]
    assert world.tool.on("readers") == ["ann"]
    assert counts["cause"] == "orders of files are stale"


def test_who_was_held_back_when_the_list_froze_has_the_reason(world: Any) -> None:
    world.customers("ann", "bob")
    world.consent("bob", False)
    world.segment("readers", ["ann", "bob"])
    world.night()
    world.consent("bob", True)
    world.frozen["readers"] = "orders of files are stale"
    world.night()
    assert world.reasons("readers") == {"bob": "stale_source"}


def test_one_broken_segment_harms_no_other(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann"])
    world.segment("broken", ["ann"], purpose="service")
    world.night()
    world.connection.execute("drop table marts.people_of_broken")
    world.members("readers", "ann", "bob")
    counts = world.night()
    assert world.tool.on("readers") == ["ann", "bob"]
    assert world.tool.on("broken") == ["ann"]
    assert "seg_broken.sql:1: relation" in counts["broken"]["cause"]


def test_a_customer_twice_in_a_segment_freezes_it(world: Any) -> None:
    world.customers("ann", "bob")
    world.segment("readers", ["ann"])
    world.night()
    world.members("readers", "ann", "bob", "bob")
    assert "same customer twice" in world.night()["readers"]["cause"]
    assert world.tool.on("readers") == ["ann"]


def test_a_key_is_never_used_for_another_segment(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.connection.execute(
        "insert into segments.keys values ('readers', 'seg_older', '2026-01-01')"
    )
    assert "used before by seg_older" in world.night()["readers"]["cause"]


def test_an_empty_mart_empties_no_list(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"])
    world.night()
    world.connection.execute("truncate marts.dim_customers")
    with pytest.raises(GateFailed, match=r"every list stays"):
        world.night()
    assert world.tool.on("readers") == ["ann"]


def test_an_expired_segment_lets_everybody_go(world: Any) -> None:
    world.customers("ann")
    world.segment("readers", ["ann"], expires=date(2026, 3, 2))
    world.night()
    assert world.tool.on("readers") == ["ann"]
    world.night()
    assert world.tool.on("readers") == []
    assert world.reasons("readers") == {"ann": "expired"}


def test_a_segment_without_its_file_is_emptied_only_after_approval(world: Any) -> None:
    people = [f"p{number}" for number in range(6)]
    world.customers(*people)
    world.segment("readers", people)
    world.night()
    world.segments.clear()
    world.night()
    assert world.tool.on("readers") == people
    world.connection.execute("update activation.approvals set state = 'approved'")
    world.again()
    assert world.tool.on("readers") == []


def test_the_sums_come_out_in_every_plan(world: Any) -> None:
    people = [f"p{number:02}" for number in range(30)]
    world.customers(*people[:25])
    world.customers(*people[25:], consent=False)
    world.segment("readers", people, holdout_share=0.2)
    world.night()
    world.members("readers", *people[3:], score=5)
    world.night_number += 1
    assert balanced(world.plan()["readers"])

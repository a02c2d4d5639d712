"""Many nights: ids stay, every change is logged, and the delta gives what a rebuild gives."""

import random
from collections.abc import Callable
from typing import Any

import pytest

Identity = Any
State = dict[str, list[tuple[str, str, bool]]]


class World:
    """People whose records come, change and go by a seed."""

    def __init__(self, seed: int, people: int = 40) -> None:
        self.random = random.Random(seed)
        self.people = people
        self.records: State = {}
        self.first: dict[str, int] = {}
        self.cannot: set[tuple[str, str]] = set()
        self.must: set[tuple[str, str]] = set()

    def identifiers(self, person: int) -> list[tuple[str, str, bool]]:
        pick = self.random.random
        offered = [("email", f"p{person}@x.de", pick() < 0.4)]
        if pick() < 0.4:
            offered.append(("user_id", f"u_{person}", False))
        if pick() < 0.4:
            offered.append(("phone", f"+49309018{person // 3:02d}0", False))
        if pick() < 0.3:
            offered.append(("device_id", f"d_{person // 2}", False))
        return offered if pick() < 0.8 else offered[1:]

    def night(self, number: int) -> None:
        pick = self.random.random
        for _ in range(12):
            person = self.random.randrange(self.people)
            source = self.random.choice(["hubspot:contacts", "zendesk:users", "amplitude:users"])
            record = f"{source}:{person}-{self.random.randrange(2)}"
            if record in self.records and pick() < 0.25:
                del self.records[record]
                continue
            self.first.setdefault(record, number)
            self.records[record] = self.identifiers(person)
        known = sorted(self.records)
        for pairs in (self.cannot, self.must):
            if pick() < 0.3:
                one = self.random.choice(known)
                person = one.split(":")[2].split("-")[0]
                same = [record for record in known if f":{person}-" in record]
                pairs.add((one, self.random.choice(same if pairs is self.cannot else known)))
            if pairs and pick() < 0.15:
                pairs.remove(min(pairs))

    def offer_to(self, identity: Identity) -> None:
        identity.connection.execute("truncate intermediate.int_identifiers_unioned")
        rows = [
            (record, kind, value, confirmed, self.first[record])
            for record, offered in self.records.items()
            for kind, value, confirmed in [("vendor_id", record, False), *offered]
        ]
        self.random.shuffle(rows)
        identity.offer_all(rows)
        for kind, pairs in (("cannot_link", self.cannot), ("must_link", self.must)):
            identity.take_back(kind)
            for a, b in pairs:
                identity.override(kind, a, b)


def check_ledgers(identity: Identity, before: dict[str, str], run: int) -> None:
    """Whose id changed stands in tonight's log, and every id that ever was still resolves."""
    logged = set(
        identity.connection.execute(
            "select from_customer_id, to_customer_id from identity.merge_log where run_id = %s",
            [f"night-{run}"],
        ).fetchall()
    )
    after = identity.members()
    moved = {
        (before[profile], after[profile])
        for profile in before.keys() & after.keys()
        if before[profile] != after[profile]
    }
    assert moved == logged
    aliases = identity.aliases()
    assert set(before.values()) | set(after.values()) <= set(aliases)
    assert all(aliases[customer] == customer for customer in after.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_over_thirty_nights_no_id_changes_without_an_entry_and_the_delta_equals_a_rebuild(
    identity: Identity, another: Callable[[], Identity], seed: int
) -> None:
    world = World(seed)
    snapshots: list[tuple[dict[str, str], dict[Any, str], int]] = []
    for number in range(30):
        if number % 4 == 3:  # a night that is killed before the resolver
            world.night(number)
            world.offer_to(identity)
            identity.build()
        world.night(number)
        before = identity.members()
        world.offer_to(identity)
        counts = identity.night()
        check_ledgers(identity, before, identity.nights)
        snapshots.append((identity.members(), identity.excluded(), counts["total"]))
        assert counts["total"] == len(set(identity.members().values()))
        if number % 6 == 5:
            identity.night(full=True)
            assert identity.members() == snapshots[-1][0]
    kinds = {entry[0] for entry in identity.log()}
    assert {"merged", "split", "reanchored"} <= kinds
    assert any("cannot_link" in excluded.values() for _, excluded, _ in snapshots)
    assert any("shared_by_several_people" in excluded.values() for _, excluded, _ in snapshots)
    fresh = another()
    world.offer_to(fresh)
    fresh.night()
    assert (fresh.members(), fresh.excluded()) == snapshots[-1][:2]


def test_a_night_that_was_killed_between_models_and_resolver_is_caught_up(
    identity: Identity,
) -> None:
    from rapport.identity import normalise

    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.night()
    identity.offer("hubspot:contacts:2", ("email", "a@x.de"), night=1)
    normalise(run_id="killed", as_of=identity.as_of, connection=identity.connection)
    for model in ("int_identifiers_changed", "int_identifiers_normalised"):
        identity.models.run(model)
    assert identity.night()["total"] == 1
    assert len(identity.members()) == 2


def test_what_two_builds_changed_before_a_resolution_is_all_seen(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("zendesk:users:2", ("email", "b@x.de"))
    identity.night()
    identity.withdraw("hubspot:contacts:1", "email")
    identity.offer("hubspot:contacts:1", ("email", "b@x.de"))
    identity.build()
    identity.offer("hubspot:contacts:1", ("phone", "+4930901820"))
    assert identity.night() == {"total": 1, "new": 0, "merged": 1, "split": 0}


def test_changed_rules_are_applied_to_everything_that_is_there(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.identity import key_tables
    from rapport.identity.rules import load_rules

    for n in range(3):
        identity.offer(f"hubspot:contacts:{n}", ("email", "desk@x.de"), ("phone", "+4930901820"))
    assert identity.night()["total"] == 1
    stricter = load_rules({"types": {"phone": {"cap": 2}}, "blocked_values": ["desk@x.de"]})
    monkeypatch.setattr(key_tables, "load_rules", lambda _: stricter)
    assert identity.night()["total"] == 3
    assert set(identity.excluded().values()) == {"over_cap", "blocked_value"}
    monkeypatch.undo()
    assert identity.night()["total"] == 1


def test_an_address_that_is_offered_no_more_is_remembered_with_its_customer(
    identity: Identity,
) -> None:
    identity.offer("hubspot:contacts:1", ("email", "old@x.de"), ("email", "info@x.de"))
    identity.offer("hubspot:contacts:1", ("email", "kept@x.de"), ("user_id", "u_1"))
    identity.night()
    customer = identity.members()["hubspot:contacts:1"]
    identity.withdraw("hubspot:contacts:1")
    identity.offer("hubspot:contacts:1", ("email", "kept@x.de"))
    identity.night()
    earlier = (
        "select normal_form, customer_id from identity.earlier_addresses"
        " inner join identity.identifiers using (identifier_key) order by 1"
    )
    assert identity.connection.execute(earlier).fetchall() == [
        ("info@x.de", customer), ("old@x.de", customer),
    ]  # fmt: skip
    identity.withdraw("hubspot:contacts:1")
    identity.night()
    known = [form for form, _ in identity.connection.execute(earlier)]
    assert known == ["info@x.de", "kept@x.de", "old@x.de"]

"""Customers, their ids, and what the ledgers say about them."""

from collections.abc import Callable
from typing import Any

Identity = Any


def test_records_that_share_a_normalised_identifier_are_one_customer(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "Anna@Example.com "), ("user_id", "u_1"))
    identity.offer("zendesk:users:7", ("email", "anna@example.com"), ("phone", "030 901820"))
    identity.offer("amplitude:users:u_1", ("user_id", "u_1"))
    identity.offer("zendesk:users:8", ("email", "bert@example.com"))

    counts = identity.night()

    assert counts == {"total": 2, "new": 2, "merged": 0, "split": 0}
    assert identity.groups() == {
        frozenset({"hubspot:contacts:1", "zendesk:users:7", "amplitude:users:u_1"}),
        frozenset({"zendesk:users:8"}),
    }
    assert set(identity.aliases()) == set(identity.members().values())


def test_the_same_vendor_id_at_two_vendors_links_nobody(identity: Identity) -> None:
    identity.offer("hubspot:contacts:42", ("hubspot_id", "42"))
    identity.offer("zendesk:users:42", ("zendesk_id", "42"))
    assert identity.night()["total"] == 2


def test_a_night_without_news_changes_nothing(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("hubspot:contacts:2", ("email", "a@x.de"))
    identity.night()
    query = "select xmin::text, * from identity.members order by profile_id"
    before = identity.connection.execute(query).fetchall()
    assert identity.night() == {"total": 1, "new": 0, "merged": 0, "split": 0}
    assert identity.connection.execute(query).fetchall() == before


def test_on_a_merge_the_older_anchor_keeps_its_id_and_the_other_becomes_an_alias(
    identity: Identity,
) -> None:
    identity.offer("zendesk:users:1", ("email", "old@x.de"), night=0)
    identity.offer("hubspot:contacts:1", ("email", "new@x.de"), night=1)
    identity.night()
    ids = identity.members()
    identity.offer("zendesk:users:1", ("user_id", "u_1"))
    identity.offer("hubspot:contacts:1", ("user_id", "u_1"), night=1)

    assert identity.night() == {"total": 1, "new": 0, "merged": 1, "split": 0}

    kept, gone = ids["zendesk:users:1"], ids["hubspot:contacts:1"]
    assert set(identity.members().values()) == {kept}
    assert identity.aliases() == {kept: kept, gone: kept}
    [(kind, from_id, to_id, cause)] = identity.log()
    assert (kind, from_id, to_id) == ("merged", gone, kept)
    assert cause["identifier_type"] == "user_id"
    assert {cause["profile_a"], cause["profile_b"]} == set(ids)


def test_on_a_split_the_part_with_the_anchor_keeps_the_id(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"), ("user_id", "u_1"), night=0)
    identity.offer("zendesk:users:1", ("email", "a@x.de"), night=1)
    identity.night()
    [before] = set(identity.members().values())
    identity.withdraw("zendesk:users:1")
    identity.offer("zendesk:users:1", ("email", "b@x.de"), night=1)

    assert identity.night() == {"total": 2, "new": 1, "merged": 0, "split": 1}

    after = identity.members()
    assert after["hubspot:contacts:1"] == before
    [(kind, from_id, to_id, cause)] = identity.log()
    assert (kind, from_id, to_id) == ("split", before, after["zendesk:users:1"])
    assert cause["rule"] == "identifier_removed"


def test_a_merge_that_is_undone_gives_the_old_id_back(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"), night=0)
    identity.offer("hubspot:contacts:2", ("email", "b@x.de"), night=1)
    identity.night()
    first = identity.members()
    identity.offer("zendesk:users:1", ("email", "a@x.de"), ("user_id", "u"), night=2)
    identity.offer("hubspot:contacts:2", ("user_id", "u"), night=1)
    identity.night()
    assert len(set(identity.members().values())) == 1
    identity.withdraw("zendesk:users:1", "user_id")
    identity.night()
    again = identity.members()
    assert {key: again[key] for key in first} == first
    assert all(alias == customer for alias, customer in identity.aliases().items())


def test_an_anchor_that_is_deleted_hands_over_and_the_old_id_still_resolves(
    identity: Identity,
) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"), night=0)
    identity.offer("hubspot:contacts:2", ("email", "a@x.de"), night=1)
    identity.night()
    [old] = set(identity.members().values())
    identity.withdraw("hubspot:contacts:1")
    identity.night()
    [new] = set(identity.members().values())
    assert new != old
    assert identity.aliases() == {old: new, new: new}
    assert [entry[:3] for entry in identity.log()] == [("reanchored", old, new)]

    identity.offer("hubspot:contacts:1", ("email", "a@x.de"), night=0)
    identity.night()
    assert identity.aliases() == {old: old, new: old}


def test_every_profile_is_a_member_even_one_whose_identifiers_are_all_excluded(
    identity: Identity,
) -> None:
    identity.offer("zendesk:users:1", ("email", "null"))
    identity.offer("zendesk:users:2", ("email", "null"))
    assert identity.night()["total"] == 2


def test_a_full_rebuild_changes_no_id(identity: Identity, another: Callable[[], Identity]) -> None:
    records = [
        (f"hubspot:contacts:{n}", "email", f"p{n // 2}@x.de", False, n % 5) for n in range(40)
    ]
    identity.offer_all(records[:20])
    identity.night()
    identity.offer_all(records[20:])
    identity.night()
    nightly = identity.members()
    assert identity.night(full=True)["new"] == 0
    assert identity.members() == nightly
    fresh = another()
    fresh.offer_all(reversed(records))
    fresh.night()
    assert fresh.members() == nightly

"""What must not join people, and where it is written down."""

from typing import Any

import pytest
import yaml

from rapport.errors import ConfigError
from rapport.identity.rules import load_rules

Identity = Any


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("email", "test@test.com", "blocked_value"),
        ("email", "info@company.de", "blocked_pattern"),
        ("phone", "0000000000", "blocked_pattern"),
        ("user_id", "null", "blocked_value"),
        ("user_id", "x" * 10_000, "too_long"),
        ("email", "   ", "blank"),
        ("email", None, "blank"),
        ("email", "no address", "not_an_email"),
    ],
)
def test_an_excluded_value_joins_nobody_and_is_audited(
    identity: Identity, kind: str, value: str | None, reason: str
) -> None:
    identity.offer("hubspot:contacts:1", (kind, value))
    identity.offer("hubspot:contacts:2", (kind, value))
    assert identity.night()["total"] == 2
    assert identity.excluded() == {
        ("hubspot:contacts:1", kind): reason,
        ("hubspot:contacts:2", kind): reason,
    }


def test_who_gave_an_excluded_value_is_found_by_an_index_on_an_older_warehouse_too(
    identity: Identity,
) -> None:
    def indexes() -> list[str]:
        rows = identity.connection.execute(
            "select indexname from pg_indexes where tablename = 'int_identifiers_normalised'"
            " and indexdef like '%(excluded_key) WHERE (excluded_key IS NOT NULL)'"
        )
        return [f"identity_build.{name}" for (name,) in rows]

    identity.offer("hubspot:contacts:1", ("email", "info@x.de"))
    identity.night()
    [made] = indexes()
    identity.connection.execute(f"drop index {made}")
    for record in ("2", "3"):
        identity.offer(f"hubspot:contacts:{record}", ("email", "info@x.de"))
        identity.night()
        assert len(indexes()) == 1


def test_scripts_are_not_mixed_up_and_one_text_written_twice_is_one(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "anna@x.de"))
    identity.offer("hubspot:contacts:2", ("email", "\u0430nna@x.de"))  # a Cyrillic a
    identity.offer("hubspot:contacts:3", ("user_id", "Zo\u00eb"))
    identity.offer("hubspot:contacts:4", ("user_id", "Zoe\u0308"))
    identity.night()
    pair = frozenset({"hubspot:contacts:3", "hubspot:contacts:4"})
    assert {frozenset({"hubspot:contacts:1"}), frozenset({"hubspot:contacts:2"}), pair} == (
        identity.groups()
    )


def test_a_record_of_which_the_id_has_ten_thousand_characters_is_left_out_and_named(
    identity: Identity,
) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("hubspot:contacts:" + "9" * 10_000, ("email", "a@x.de"))
    assert identity.night()["total"] == 1
    assert len(identity.members()) == 1
    [((record, kind), reason)] = identity.excluded().items()
    assert (len(record), kind, reason) == (100, "email", "profile_id_too_long")


def test_a_thousand_records_with_one_phone_are_a_hub_and_harm_no_other(identity: Identity) -> None:
    identity.offer("hubspot:contacts:a", ("email", "a@x.de"))
    identity.offer("zendesk:users:a", ("email", "a@x.de"))
    identity.night()
    identity.offer_all(
        (f"hubspot:contacts:{n}", "phone", "+4930901820", False, 0) for n in range(1000)
    )
    identity.offer("zendesk:users:a", ("phone", "030 901820"))
    assert identity.night()["total"] == 1001
    assert max(map(len, identity.groups())) == 2
    assert identity.excluded()["zendesk:users:a", "phone"] == "over_cap"


def test_a_value_that_crosses_its_cap_splits_and_falling_below_joins_again(
    identity: Identity,
) -> None:
    phones = [(f"hubspot:contacts:{n}", "phone", "+4930901820", False, 0) for n in range(8)]
    identity.offer_all(phones)
    assert identity.night()["total"] == 1
    identity.offer("hubspot:contacts:9", ("phone", "+4930901820"), night=1)
    counts = identity.night()
    assert (counts["total"], counts["split"]) == (9, 7)
    assert {entry[3]["rule"] for entry in identity.log()} == {"over_cap"}
    identity.withdraw("hubspot:contacts:9")
    assert identity.night()["total"] == 1
    assert set(identity.aliases().values()) >= set(identity.members().values())


def test_a_device_never_joins_two_confirmed_addresses(identity: Identity) -> None:
    identity.offer("zendesk:users:1", ("email", "a@x.de", True), ("device_id", "d"))
    identity.offer("zendesk:users:2", ("email", "b@x.de", True), ("device_id", "d"))
    identity.offer("amplitude:devices:d", ("device_id", "d"))
    assert identity.night()["total"] == 3
    assert identity.excluded()["zendesk:users:1", "device_id"] == "shared_by_several_people"


def test_a_device_of_one_person_brings_the_anonymous_visits(identity: Identity) -> None:
    identity.offer("amplitude:devices:d", ("device_id", "d"))
    identity.offer("amplitude:users:u_1", ("user_id", "u_1", True), ("device_id", "d"))
    assert identity.night()["total"] == 1


def test_a_cannot_link_splits_and_taking_the_line_out_undoes_it(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("zendesk:users:1", ("email", "a@x.de"))
    identity.night()
    before = identity.members()
    identity.override("cannot_link", "zendesk:users:1", "hubspot:contacts:1")
    assert identity.night()["split"] == 1
    assert len(identity.groups()) == 2
    assert "cannot_link" in identity.excluded().values()
    [(_, _, _, cause)] = identity.log()
    assert cause["rule"] == "cannot_link"
    identity.take_back("cannot_link")
    assert identity.night()["merged"] == 1
    assert identity.members() == before


def test_a_must_link_joins_and_taking_the_line_out_undoes_it(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("zendesk:users:1", ("email", "b@x.de"))
    identity.night()
    before = identity.members()
    identity.override("must_link", "zendesk:users:1", "hubspot:contacts:1")
    assert identity.night()["merged"] == 1
    [(_, _, _, cause)] = identity.log()
    assert cause["rule"] == "override"
    identity.take_back("must_link")
    identity.night()
    assert identity.members() == before


def test_contradicting_overrides_keep_apart_and_are_audited(identity: Identity) -> None:
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.offer("zendesk:users:1", ("email", "b@x.de"))
    identity.override("must_link", "zendesk:users:1", "hubspot:contacts:1")
    identity.override("cannot_link", "zendesk:users:1", "hubspot:contacts:1")
    assert identity.night()["total"] == 2
    assert "contradicts_cannot_link" in identity.excluded().values()


def test_an_override_of_a_record_that_does_not_exist_waits_for_it(identity: Identity) -> None:
    identity.override("must_link", "zendesk:users:1", "hubspot:contacts:1")
    identity.offer("hubspot:contacts:1", ("email", "a@x.de"))
    identity.night()
    identity.offer("zendesk:users:1", ("email", "b@x.de"), night=1)
    assert identity.night()["total"] == 1


def test_a_rule_of_rapport_yml_overrides_the_shipped_one() -> None:
    assert load_rules(yaml.safe_load("types: {phone: {cap: 3}}")).of("phone").cap == 3
    assert (
        load_rules().of("phone").weight
        == load_rules({"types": {"phone": {"cap": 3}}}).of("phone").weight
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"types": {"phone": {"cap": "many"}}}, "identity.types.phone.cap"),
        ({"typos": 1}, "identity.typos"),
        ({"blocked_patterns": {"email": ["("]}}, "identity.blocked_patterns"),
    ],
)
def test_a_wrong_rule_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_rules(options)

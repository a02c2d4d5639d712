"""What must not join people, and where it is written down."""

from typing import Any

import pytest
import yaml
from tests.identity import known_answers

from rapport.errors import ConfigError
from rapport.identity import key_tables
from rapport.identity.name_clashes import differ
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


def test_people_at_one_main_number_with_their_own_extensions_stay_apart(identity: Identity) -> None:
    numbers = [
        "+1 (212) 555-0123,,,001#", "+1 (212) 555-0123,,,002#", "+1 (212) 555-0123 x34",
        "+1 (212) 555-0123",
    ]  # fmt: skip
    for place, number in enumerate(numbers):
        identity.offer(f"crm:people:{place}", ("phone", number))
    identity.offer("crm:people:same", ("phone", "+12125550123;ext=34"))
    assert identity.night()["total"] == len(numbers)


def test_numbers_of_the_former_and_the_new_plan_join(identity: Identity) -> None:
    for number in ("+525512345678", "+5215512345678", "+5511987654321", "+551187654321"):
        identity.offer(f"crm:people:{number[1:]}", ("phone", number))
    assert identity.night()["total"] == 2


def test_a_new_version_of_the_normal_forms_reads_all_values_again(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = key_tables.normal_form

    def of_old(kind: str, raw: str, *rest: Any) -> Any:
        return known(kind, raw.partition(" x")[0], *rest)

    with monkeypatch.context() as patch:
        patch.setattr(key_tables, "VERSION", 1)
        patch.setattr(key_tables, "normal_form", of_old)
        identity.offer("crm:people:1", ("phone", "+1 212 555 0123 x1"))
        identity.offer("crm:people:2", ("phone", "+1 212 555 0123 x2"))
        assert identity.night()["total"] == 1
    assert identity.night()["total"] == 2


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


@pytest.mark.parametrize(
    "local",
    [
        "info", "info+shop", "no_reply", "no.reply", "No-Reply", "kundenservice", "bestellung",
        "vertrieb", "vertrieb2", "kunden.service", "sales-de", "support.team", "service-clients",
        "atencion.al.cliente", "assistenza", "klantenservice", "biuro", "atendimento", "zakaz",
        "do-not-reply", "mailer-daemon", "buero", "b\u00fcro",
    ],
)  # fmt: skip
def test_a_mailbox_of_a_role_joins_nobody(local: str) -> None:
    assert load_rules().blocks("email", f"{local}@firm.example") == "blocked_pattern"


@pytest.mark.parametrize(
    "local",
    ["mara", "mara+info", "info.lindner", "team-lindner", "vertriebs.mara", "m.service", "anna.it",
     "it.anna", "mailman", "max.post", "1234"],
)  # fmt: skip
def test_a_mailbox_of_a_person_joins(local: str) -> None:
    assert load_rules().blocks("email", f"{local}@firm.example") is None


def test_a_company_adds_roles_and_takes_a_language_out() -> None:
    rules = load_rules({"email_roles": {"own": ["filiale"], "de": []}})
    assert rules.blocks("email", "filiale7@firm.example") == "blocked_pattern"
    assert rules.blocks("email", "vertrieb@firm.example") is None
    assert rules.digest("email_roles") != load_rules().digest("email_roles")


@pytest.mark.parametrize(
    ("one", "other", "is_two"),
    [
        ("Mara Lindner", "Jonas Weber", True),
        ("Mara Lindner", "LINDNER, Mara", False),
        ("Mara Lindner", "M. Lindner", False),
        ("Mara Lindner", "Mara Lindner-Weber", False),
        ("Mara Lindner", "Jonas Lindner", False),
        ("Mara Lindner", "Marah Linder", False),
        ("Mara Lindner", "Mara", False),
        ("Mara Lindner", "Weber GmbH", False),
        ("Mara Lindner", "Weber Logistik GmbH", False),
        ("\u042e\u043b\u0438\u044f \u0429\u0435\u0440\u0431\u0430\u043a\u043e\u0432\u0430",
         "Yulia Shcherbakova", False),
        ("\u7530\u4e2d \u592a\u90ce", "Taro Tanaka", False),
        ("Mara Lindner", "Shop Kunde", False),
        ("\u0141ukasz Nowak", "Ewa Kowalska", True),
    ],
)  # fmt: skip
def test_names_of_two_people_and_two_spellings_of_one(one: str, other: str, is_two: bool) -> None:
    assert differ(one, other) is differ(other, one) is is_two


def test_a_mailbox_that_two_names_share_is_a_hub_to_be_looked_at(identity: Identity) -> None:
    def named(record: str, name: str | None) -> None:
        identity.connection.execute(known_answers.CONTACTS)
        identity.connection.execute(
            "delete from intermediate.int_contacts_unioned where profile_id = %s", [record]
        )
        identity.connection.execute(
            "insert into intermediate.int_contacts_unioned (profile_id, full_name) values (%s, %s)",
            (record, name),
        )

    for record, email, name in (
        ("hubspot:contacts:1", "halle7@x.de", "Mara Lindner"),
        ("zendesk:users:1", "halle7@x.de", "Jonas Weber"),
        ("hubspot:contacts:2", "anna@x.de", "Anna Berg"),
        ("zendesk:users:2", "anna@x.de", "Berg, A."),
    ):
        identity.offer(record, ("email", email))
        named(record, name)
    assert identity.night()["total"] == 3
    both = {("hubspot:contacts:1", "email"), ("zendesk:users:1", "email")}
    assert identity.excluded() == dict.fromkeys(both, "shared_by_names")
    assert identity.night()["total"] == 3, "and so it stays"

    named("zendesk:users:1", "Mara Lindner")
    assert identity.night()["merged"] == 1, "the name was put right"
    assert identity.excluded() == {}
    named("zendesk:users:2", "Peter Weber")
    counts = identity.night()
    assert (counts["total"], counts["split"]) == (3, 1)
    assert identity.log()[-1][3]["rule"] == "shared_by_names"
    before = identity.groups()
    identity.night(full=True)
    assert identity.groups() == before

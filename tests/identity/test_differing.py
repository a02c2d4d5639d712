"""A night compares only profiles that offer something else than last night, and misses none."""

from typing import Any

import pytest

from rapport.identity import normalise

Identity = Any
BEFORE_MODELS = ("int_identifiers_changed", "int_identifiers_normalised")


def differing(identity: Identity) -> dict[str, bool]:
    """Which profiles the models are told to compare, and whether each still offers something."""
    normalise(run_id="asked", as_of=identity.as_of, connection=identity.connection)
    rows = identity.connection.execute(
        "select profile_id, head is not null from identity.differing_profiles"
    )
    return dict(rows.fetchall())


def test_only_what_changed_is_compared(identity: Identity) -> None:
    for n in range(5):
        identity.offer(f"crm:people:{n}", ("email", f"p{n}@x.de"), ("phone", f"+4930123456{n}"))
    identity.night()
    assert differing(identity) == {}
    identity.offer("crm:people:1", ("email", "another@x.de"))
    identity.withdraw("crm:people:2", "phone")
    identity.withdraw("crm:people:3")
    identity.offer("crm:people:9", ("email", "p9@x.de"))
    assert differing(identity) == {
        "crm:people:1": True,
        "crm:people:2": True,
        "crm:people:3": False,
        "crm:people:9": True,
    }
    identity.night()
    assert differing(identity) == {}


def test_the_order_of_rows_is_no_difference_and_every_column_is(identity: Identity) -> None:
    identity.offer("crm:people:1", ("email", "a@x.de"), ("phone", "+49301234567"))
    identity.night()
    identity.withdraw("crm:people:1")
    identity.offer("crm:people:1", ("phone", "+49301234567"), ("email", "a@x.de"))
    assert differing(identity) == {}
    for column, value in (
        ("source", "other"),
        ("identifier_type", "user_id"),
        ("identifier_value", "b@x.de"),
        ("is_confirmed", True),
        ("first_as_of", "2020-01-01"),
    ):
        with identity.connection.transaction(force_rollback=True):
            identity.connection.execute(
                f"update intermediate.int_identifiers_unioned set {column} = %s"
                " where identifier_type = 'email'",
                [value],
            )
            assert differing(identity) == {"crm:people:1": True}, column


def test_a_row_that_stands_twice_is_not_the_same_as_none(identity: Identity) -> None:
    identity.offer("crm:people:1", ("email", "a@x.de"), ("email", "a@x.de"))
    identity.night()
    identity.withdraw("crm:people:1")
    identity.offer("crm:people:1", ("email", "b@x.de"), ("email", "b@x.de"))
    assert differing(identity) == {"crm:people:1": True}


def test_a_night_that_was_killed_before_its_models_compares_the_same_again(
    identity: Identity,
) -> None:
    identity.offer("crm:people:1", ("email", "a@x.de"))
    identity.night()
    identity.offer("desk:people:1", ("email", "a@x.de"))
    identity.withdraw("crm:people:1")
    told = differing(identity)
    identity.models.run("int_identifiers_changed")
    assert differing(identity) == told == {"crm:people:1": False, "desk:people:1": True}
    for model in BEFORE_MODELS:
        identity.models.run(model)
    assert differing(identity) == {}
    assert identity.night()["total"] == 1
    assert list(identity.members()) == ["desk:people:1"]


def test_new_rules_on_the_night_that_somebody_vanished_leave_nobody_behind(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.identity import key_tables
    from rapport.identity.rules import load_rules

    identity.offer("crm:people:1", ("email", "a@x.de"))
    identity.offer("crm:people:2", ("email", "b@x.de"))
    identity.night()
    identity.withdraw("crm:people:1")
    stricter = load_rules({"blocked_values": ["b@x.de"]})
    monkeypatch.setattr(key_tables, "load_rules", lambda _: stricter)
    assert differing(identity) == {"crm:people:1": False, "crm:people:2": True}
    identity.night()
    assert list(identity.members()) == ["crm:people:2"]
    assert identity.excluded() == {("crm:people:2", "email"): "blocked_value"}


def test_another_region_reads_every_phone_number_again(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rapport.identity import key_tables
    from rapport.settings import load_settings

    identity.offer("crm:people:1", ("phone", "01 5124771"))
    identity.offer("crm:people:2", ("phone", "+43 1 5124771"))
    assert identity.night()["total"] == 2
    settings = load_settings()
    company = settings.company.model_copy(update={"default_region": "AT"})
    austrian = settings.model_copy(update={"company": company})
    monkeypatch.setattr(key_tables, "load_settings", lambda: austrian)
    assert identity.night()["total"] == 1


def test_a_warehouse_from_before_the_fingerprints_notices_who_is_gone(
    identity: Identity,
) -> None:
    identity.offer("crm:people:1", ("email", "a@x.de"))
    identity.offer("crm:people:2", ("email", "b@x.de"))
    identity.night()
    # What the migration leaves: everybody is known by a fingerprint that nobody has.
    identity.connection.execute("update identity.fingerprints set head = 0, tail = 0")
    identity.withdraw("crm:people:1")
    assert differing(identity) == {"crm:people:1": False, "crm:people:2": True}
    assert identity.night()["total"] == 1


def test_of_somebody_who_was_erased_no_fingerprint_is_left(identity: Identity) -> None:
    identity.offer("crm:people:1", ("email", "a@x.de"))
    identity.night()
    identity.withdraw("crm:people:1")
    for table in ("identity.profiles", "identity.members"):
        identity.connection.execute(f"delete from {table}")
    identity.connection.execute("delete from identity_build.int_identifiers_normalised")
    assert differing(identity) == {}
    left: Any = identity.connection.execute("select count(*) from identity.fingerprints").fetchone()
    assert left == (0,)

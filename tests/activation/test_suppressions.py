"""What a tool says of an address holds for everybody who ever offered it, until a newer yes."""

from datetime import timedelta
from typing import Any

import pytest

from rapport.identity.normal_forms import normal_form
from rapport.vendors.destination import Contact

STANDING = (
    "select customer_id, kind, channel from activation.suppressions"
    " where lifted_at is null order by 1, 2"
)


def standing(world: Any) -> list[tuple[str, str, str]]:
    return world.connection.execute(STANDING).fetchall()  # type: ignore[no-any-return]


def offers(world: Any, customer: str, kind: str, value: str, *, joins: bool = True) -> None:
    """One more profile of the customer, which offers an address."""
    world.connection.execute(
        """
        with profile as (
            insert into identity.profiles (profile_id) values (%(profile)s) returning profile_key
        ), identifier as (
            insert into identity.identifiers (identifier_type, normal_form)
            values (%(kind)s, %(value)s) returning identifier_key
        ), member as (
            insert into identity.members (profile_id, customer_id, as_of, profile_key, region_key)
            select %(profile)s, %(customer)s, now(), profile_key, profile_key from profile
        )
        insert into identity_build.int_identifiers_normalised
        select profile_key, case when %(joins)s then identifier_key end,
            case when not %(joins)s then identifier_key end
        from profile cross join identifier
        """,
        {"profile": f"test:{customer}:{value}", "customer": customer, "kind": kind,
         "value": value, "joins": joins},
    )  # fmt: skip


@pytest.fixture
def readers(world: Any) -> Any:
    world.customers("ann", "bob")
    world.known_to_identity()
    world.segment("readers", ["ann", "bob"])
    world.night()
    assert world.tool.on("readers") == ["ann", "bob"]
    return world


@pytest.mark.parametrize(
    "told", ["second@example.com", " Second@Example.COM", "second@example.com "]
)
def test_an_unsubscribe_by_another_address_is_found(readers: Any, told: str) -> None:
    offers(readers, "ann", "email", "second@example.com")
    readers.tool.told = [Contact("r9", None, told, ("unsubscribed",))]
    readers.night()
    assert readers.tool.on("readers") == ["bob"]


def test_a_mailbox_that_joins_nobody_is_still_an_address(readers: Any) -> None:
    offers(readers, "ann", "email", "info@firm.example", joins=False)
    readers.tool.told = [Contact("r9", None, "info@firm.example", ("complained",))]
    readers.night()
    assert readers.tool.on("readers") == ["bob"]


def test_a_number_is_found_however_the_tool_writes_it(readers: Any) -> None:
    offers(readers, "ann", "phone", "+4930901820")
    readers.tool.told = [
        Contact("r9", says=("unsubscribed",), phone="030 / 90 18 20", channel="sms")
    ]
    readers.night()
    assert standing(readers) == [("ann", "unsubscribed", "sms")]


def test_an_address_of_years_ago_is_still_theirs(readers: Any) -> None:
    offers(readers, "ann", "email", "old@example.com")
    readers.connection.execute(
        "insert into identity.earlier_addresses select profile_key, 'ann', identifier_key"
        " from identity_build.int_identifiers_normalised"
        " inner join identity.identifiers using (identifier_key)"
        " where normal_form = 'old@example.com';"
        "delete from identity_build.int_identifiers_normalised where identifier_key in"
        " (select identifier_key from identity.identifiers where normal_form = 'old@example.com')"
    )
    readers.merge("ann", "bob")
    readers.tool.told = [Contact("r9", None, "old@example.com", ("unsubscribed",))]
    readers.pull()
    assert standing(readers) == [("bob", "unsubscribed", "email")]


def test_no_suppression_ends_by_silence(readers: Any) -> None:
    readers.tool.told = [Contact("r1", None, "ann@example.com", ("unsubscribed", "bounced"))]
    readers.night()
    readers.tool.told = []
    readers.connection.execute(
        "update marts_pii.dim_customer_contacts set email = 'new@example.com'"
        " where customer_id = 'ann'"
    )
    readers.night()
    assert standing(readers) == [("ann", "bounced", "email"), ("ann", "unsubscribed", "email")]
    assert readers.tool.on("readers") == ["bob"]


def test_a_newer_yes_lifts_where_it_brings_no_older_one_back(readers: Any) -> None:
    readers.consent("ann", True, purpose="feedback")
    readers.tool.told = [Contact("r1", "ann", says=("unsubscribed",))]
    readers.night()
    readers.tool.told = []
    later = readers.as_of + timedelta(hours=1)
    newer = "update marts.dim_consents set changed_at = %s where customer_id = 'ann'"
    readers.connection.execute(newer + " and purpose = 'marketing'", (later,))
    readers.night()
    assert standing(readers) == [("ann", "unsubscribed", "email")]
    readers.connection.execute(newer, (later,))
    readers.night()
    assert standing(readers) == []
    assert readers.tool.on("readers") == ["ann", "bob"]


def test_a_newer_yes_lifts_nothing_that_the_tool_still_says(readers: Any) -> None:
    readers.tool.told = [Contact("r1", "ann", says=("unsubscribed",))]
    readers.night()
    readers.connection.execute("update marts.dim_consents set changed_at = now()")
    readers.night()
    assert standing(readers) == [("ann", "unsubscribed", "email")]


def test_a_bounce_is_about_the_address_that_is_written_to(readers: Any) -> None:
    offers(readers, "ann", "email", "second@example.com")
    readers.tool.told = [Contact("r9", None, "ann@example.com", ("bounced",))]
    readers.night()
    assert standing(readers) == [("ann", "bounced", "email")]
    readers.connection.execute(
        "update marts_pii.dim_customer_contacts set email = 'second@example.com'"
        " where customer_id = 'ann'"
    )
    readers.night()
    assert standing(readers) == [], "the tool says it of the other address"


def test_who_was_deleted_at_the_tool_is_back_once_it_holds_them(readers: Any) -> None:
    readers.tool.lists_everybody = True
    readers.tool.told = [Contact("remote_bob@example.com", "bob")]
    readers.night()
    assert standing(readers) == [("ann", "deleted", "email")]
    readers.tool.lists_everybody = False
    readers.tool.told = []
    readers.night()
    assert standing(readers) == [("ann", "deleted", "email")]
    readers.tool.told = [Contact("r2", "ann"), Contact("remote_bob@example.com", "bob")]
    readers.night()
    assert standing(readers) == []


def test_only_addresses_that_identity_does_not_know_are_normalised(
    readers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counting(kind: str, raw: str, *args: Any) -> Any:
        asked.append(raw)
        return normal_form(kind, raw, *args)

    monkeypatch.setattr("rapport.activation.sync.address_owners.normal_form", counting)
    readers.tool.told = [
        Contact("r1", None, "Ann@example.com", ("unsubscribed",)),
        Contact("r2", None, "stranger@example.com", ("unsubscribed",)),
        Contact("r3", None, "reader@example.com"),
    ]
    readers.pull()
    assert asked == ["stranger@example.com"]

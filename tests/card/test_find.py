"""What a person types leads to the customers whom it means."""

import pytest

from rapport.errors import ConfigError
from rapport.identity.find import find

from .conftest import ANN, BOB, CEM, FORMER, Marts


def found(marts: Marts, who: str, region: str = "DE") -> list[str]:
    return find(marts.connection, who, region=region)


@pytest.mark.parametrize(
    "who",
    [
        ANN,
        FORMER,
        f"  {FORMER} ",
        "hubspot:contacts:1",
        "u_0000001",
        "ann@example.com",
        "ANN@Example.COM",
        "mailto:ann@example.com",
        "+49 30 901820",
        "030 901820",
        "030/90 18 20",
        "0049 (30) 901820",
        "+49\u00a030\u00a0901820",
    ],
)
def test_every_id_and_every_spelling_leads_to_the_customer(marts: Marts, who: str) -> None:
    assert found(marts, who) == [ANN]


def test_a_phone_number_is_read_in_the_country_of_the_company(marts: Marts) -> None:
    with pytest.raises(ConfigError, match="no customer has that"):
        found(marts, "030 901820", region="FR")


def test_a_phone_that_two_people_share_leads_to_both(marts: Marts) -> None:
    assert found(marts, "040 123456") == [BOB, CEM]


def test_a_main_number_leads_to_its_extensions_and_an_extension_to_one(marts: Marts) -> None:
    marts.offers("zendesk:users:2", "phone", "+12125550123;ext=1")
    marts.offers("zendesk:users:3", "phone", "+12125550123;ext=2")
    assert found(marts, "+1 212 555 0123") == [BOB, CEM]
    assert found(marts, "+1 212 555 0123 ext. 2") == [CEM]


def test_an_address_that_joins_nobody_still_finds_who_gave_it(marts: Marts) -> None:
    assert found(marts, "info@example.com") == [CEM]


@pytest.mark.parametrize(
    "who",
    [
        "c_00000000000000000000",
        "eve@example.com",
        "+49 30 000",
        "%",
        "'; --",
        "",
        "\x00",
        "x" * 9999,
    ],
)
def test_nobody_is_a_clear_message_without_what_was_typed(marts: Marts, who: str) -> None:
    with pytest.raises(ConfigError, match="no customer has that id") as raised:
        found(marts, who)
    assert "eve" not in str(raised.value) and "DE" in str(raised.value)


def test_somebody_who_is_not_published_is_not_called_nobody(marts: Marts) -> None:
    marts.connection.execute("delete from marts.dim_customers where customer_id = %s", [BOB])
    with pytest.raises(ConfigError, match="not in the published marts"):
        found(marts, BOB)


def test_after_a_failed_gate_the_published_id_of_the_merged_is_found(marts: Marts) -> None:
    """Identity says Ann tonight, the marts still say the id of last night."""
    marts.connection.execute(
        "update marts.dim_customers set customer_id = %s where customer_id = %s", [FORMER, ANN]
    )
    assert found(marts, "ann@example.com") == [FORMER]
    assert found(marts, FORMER) == [FORMER]

"""A record's id that is an address or a number is a contact detail."""

import pytest

from rapport.identity.contact_keys import is_contact, masked

KEYS = [
    "nextiva:addresses:+4930901820", "nextiva:addresses:mara@example.com",
    "files:shop:mara@example.com", "files:shop:030 90 18 20", "files:shop:0049-30-901820",
    "files:shop:4930901820000", "postgres:crm:2025550123", "files:shop:%2B4930901820",
    "files:shop:mara%40example.com", "files:a:b@c", "+4930901820", "030901820",
    "shop:+49 30 901820", "files:shop:+4930901820;ext=12", "files:shop:+49 30 901820 x12",
]  # fmt: skip
IDS = [
    "hubspot:contacts:42", "hubspot:contacts:12025550123", "zendesk:users:4930901820000",
    "files:shop:K-17", "files:shop:1234567890123456789", "files:shop:123456",
    "c_0a1b2c3d4e5f60718293",
    "typeform:respondents:abc123", "stripe:customers:cus_123", "files:shop:9999999999",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_an_address_or_a_number_is_hidden_wherever_it_is_the_key(key: str) -> None:
    assert is_contact(key)
    assert masked(key).endswith("(address)")
    assert not any(part in masked(key) for part in ("mara", "90 18", "901820", "5550123", "@"))


@pytest.mark.parametrize("key", IDS)
def test_an_id_stays_an_id(key: str) -> None:
    assert not is_contact(key)
    assert masked(key) == key

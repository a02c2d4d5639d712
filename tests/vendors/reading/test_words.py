"""Words of tools: each means one canonical value, and an unknown one does the least harm."""

import pytest

from rapport.vendors import words
from rapport.vendors.words import UNKNOWN, WORDS, cautious, has_no_meaning, meaning, plain


@pytest.mark.parametrize("key", sorted(WORDS))
def test_no_word_means_two_things(key: tuple[str, str]) -> None:
    seen: dict[str, str] = {}
    for meant, text in WORDS[key].items():
        for word in {meant, *text.split()}:
            assert seen.setdefault(plain(word), meant) == meant, word


@pytest.mark.parametrize(
    ("key", "word", "meant"),
    [
        (("orders", "status"), "wc-completed", "paid"),
        (("orders", "status"), "Partially Refunded", "paid"),
        (("orders", "status"), "wc-checkout-draft", "cancelled"),
        (("orders", "kind"), "Credit Note", "refund"),
        (("subscriptions", "status"), "incomplete_expired", "cancelled"),
        (("subscriptions", "status"), "In Trial", "trialing"),
        (("payments", "status"), "requires_payment_method", "failed"),
        (("conversations", "status"), "Closed - No Action", "closed"),
        (("conversations", "status"), "On-hold", "pending"),
        (("conversations", "priority"), "HIGH", "high"),
        (("conversations", "channel"), "E-Mail", "email"),
        (("consent_events", "status"), "Opted Out", "withdrawn"),
        (("message_events", "event_type"), "Delivery", "delivered"),
        (("message_events", "event_type"), "hard-bounce", "bounced"),
    ],
)
def test_what_tools_write_is_known(key: tuple[str, str], word: str, meant: str) -> None:
    assert meaning(*key, word) == meant


@pytest.mark.parametrize(
    "word", ["DeliveryDelay", "email.delivery_delayed", "Unopened", "deferred", "Not Opened"]
)
def test_what_did_not_happen_to_a_message_means_nothing(word: str) -> None:
    assert has_no_meaning("message_events", "event_type", word)
    assert meaning("message_events", "event_type", word) is None


def test_an_unknown_word_about_a_message_is_a_refusal_or_nothing() -> None:
    kind = ("message_events", "event_type")
    assert cautious(*kind, "Clicked Unsubscribe Link") == "unsubscribed"
    assert cautious(*kind, "Reported as spam by user") == "complained"
    assert cautious(*kind, "Mail was opened by assistant") is None


def test_every_unknown_meaning_is_one_of_the_known() -> None:
    for key, meant in UNKNOWN.items():
        assert meant is None or meant in WORDS[key]


def test_staging_models_of_vendors_get_the_same_words() -> None:
    given = words.words_for_dbt()["payments.status"]
    assert given["unknown"] == "pending"
    assert "declined" in given["known"]["failed"]

"""What stands on the card, where it comes from, and how fresh it is."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest

from rapport.card import Card, look_up
from rapport.errors import ConfigError
from rapport.settings import Settings, load_settings

from .conftest import ANN, FORMER, NIGHT, Marts, days_ago


def card_of(marts: Marts, who: str = ANN, **options: Any) -> Card:
    card = look_up(marts.connection, who, load_settings(), **options).card
    assert card is not None
    return card


def order(marts: Marts, order_id: str, **values: Any) -> None:
    values = {"ordered_at": days_ago(3), "status": "paid", "amount": 10, "currency": "EUR"} | values
    marts.add("marts.fct_orders", source="files", order_id=order_id, customer_id=ANN, **values)


def looked(marts: Marts, product_id: str, category: str, **values: Any) -> None:
    values = {
        "last_viewed_at": days_ago(2),
        "views": 1,
        "cart_adds": 0,
        "is_bought": False,
    } | values
    table = "marts.fct_product_interest"
    marts.add(table, customer_id=ANN, product_id=product_id, category=category, **values)


def test_a_golden_value_carries_its_source_and_time(marts: Marts) -> None:
    name, email = card_of(marts).who.contact
    assert (name.value, name.source, name.as_of) == ("Ann Ähre", "hubspot", NIGHT)
    assert email.value == "Ann@Example.com"


def test_birth_date_and_address_are_contact_details(marts: Marts) -> None:
    marts.connection.execute(
        "update marts_pii.dim_customer_contacts set birth_date = '1980-12-24',"
        " birth_date_source = 'hubspot', street = 'Lindenweg 12', postal_code = '01067',"
        " region = 'Sachsen' where customer_id = %s",
        [ANN],
    )
    shown = {value.name: value.value for value in card_of(marts).who.contact[2:]}
    assert shown == {
        "birth_date": "1980-12-24", "street": "Lindenweg 12", "postal_code": "01067",
        "region": "Sachsen",
    }  # fmt: skip
    hidden = card_of(marts, with_contact=False).model_dump_json()
    assert not any(value in hidden for value in shown.values())


def test_revenue_counts_paid_orders_by_currency(marts: Marts) -> None:
    order(marts, "1")
    order(marts, "2", amount=Decimal("2.50"))
    order(marts, "3", currency="USD")
    order(marts, "4", status="refunded")
    orders = card_of(marts).did.orders
    assert [(sum_.currency, sum_.amount) for sum_ in orders.revenue] == [
        ("EUR", Decimal("12.50")),
        ("USD", Decimal("10")),
    ]
    assert orders.total == 4


def test_only_the_latest_are_shown_and_all_are_counted(marts: Marts) -> None:
    for number in range(25):
        order(marts, f"o{number}", ordered_at=days_ago(number))
    orders = card_of(marts).did.orders
    assert orders.total == 25
    assert [item.order_id for item in orders.latest] == [f"o{number}" for number in range(10)]


def test_open_conversations_come_first(marts: Marts) -> None:
    for name, is_open, age in (("new", False, 1), ("old", True, 50), ("older", False, 60)):
        marts.add(
            "marts.fct_conversations",
            source="zendesk",
            conversation_id=name,
            customer_id=ANN,
            status="open" if is_open else "solved",
            is_open=is_open,
            created_at=days_ago(age),
        )
    marts.add(
        "marts_pii.fct_conversation_subjects",
        source="zendesk",
        conversation_id="old",
        subject="Broken cup",
    )
    conversations = card_of(marts).did.conversations
    assert [item.conversation_id for item in conversations.latest] == ["old", "new", "older"]
    assert (conversations.open, conversations.latest[0].subject) == (1, "Broken cup")


def test_looked_at_and_not_bought_is_what_no_order_ended_in_thirty_days(marts: Marts) -> None:
    looked(marts, "mug", "cups")
    looked(marts, "tea", "tea", is_bought=True)
    looked(marts, "pot", "pots", last_viewed_at=days_ago(31))
    looked(marts, "jar", "jars", last_viewed_at=days_ago(-1))
    looked(marts, "bag", "tea")
    order(marts, "1", category="tea")
    order(marts, "2", category="cups", status="cancelled")
    doing = card_of(marts).doing
    assert {item.product_id for item in doing.products_not_bought} == {"mug", "bag"}
    assert doing.products == 2
    assert [item.category for item in doing.categories_not_bought] == ["cups"]


def test_visits_are_those_of_the_last_thirty_days(marts: Marts) -> None:
    for age in (1, 29, 31):
        marts.add(
            "marts.fct_web_sessions",
            session_id=str(age),
            customer_id=ANN,
            source="amplitude",
            started_at=days_ago(age),
            ended_at=days_ago(age - 0.01),
            page_views=1,
            cart_adds=0,
            purchases=0,
        )
    doing = card_of(marts).doing
    assert (doing.sessions, len(doing.latest_sessions)) == (2, 2)
    assert doing.latest_sessions[0].minutes == 15


def test_what_may_come_next_is_plainly_not_known(marts: Marts) -> None:
    next_ = card_of(marts).next
    assert not next_.is_available and "no predictions yet" in next_.message


def test_consent_names_its_policy_and_who_said_no(marts: Marts) -> None:
    marts.add(
        "marts.dim_consents",
        customer_id=ANN,
        channel="email",
        purpose="marketing",
        is_granted=True,
        changed_at=days_ago(9),
        source="files",
        policy_version="2026-01",
    )
    for who, lifted_at in ((FORMER, None), ("c_other", None)):
        marts.add(
            "activation.suppressions",
            destination="intercom",
            customer_id=who,
            kind="bounced",
            channel="email",
            since=days_ago(1),
            lifted_at=lifted_at,
        )
    marts.add(
        "activation.suppressions",
        destination="intercom",
        customer_id=ANN,
        kind="unsubscribed",
        channel="email",
        since=days_ago(2),
        lifted_at=days_ago(1),
    )
    consent = card_of(marts).consent
    (word,) = consent.permissions
    assert (word.since, word.source, word.policy_version) == (days_ago(9), "files", "2026-01")
    assert [told.kind for told in consent.suppressions] == ["bounced"]


def test_a_segment_says_since_when_and_what_became_of_each_list(marts: Marts) -> None:
    for name, left_at in (("cups", None), ("gone", days_ago(1))):
        marts.add(
            "segments.membership",
            segment=name,
            customer_id=ANN,
            entered_at=days_ago(4),
            left_at=left_at,
            arm="treated",
            traits="{}",
            changed_at=NIGHT,
        )
    own = {"segment": "cups", "customer_id": ANN}
    sent = {"state": "sent", "last_sent_at": days_ago(4)}
    marts.add("activation.ledger", destination="files", **own, **sent)
    marts.add("activation.ledger", destination="third", **own, state="sending")
    marts.add(
        "activation.not_sent",
        destination="intercom",
        **own,
        reason="no_consent",
        since=NIGHT,
        run_id="r",
    )
    (membership,) = card_of(marts).segments.memberships
    assert (membership.segment, membership.since) == ("cups", days_ago(4))
    lists = {item.destination: (item.is_sent, item.not_sent_because) for item in membership.lists}
    assert lists == {
        "files": (True, None),
        "intercom": (False, "no_consent"),
        "third": (False, "sending"),
    }


def test_the_records_and_the_earlier_ids_stand_on_the_card(marts: Marts) -> None:
    identity = card_of(marts, FORMER).identity
    assert [profile.source for profile in identity.profiles] == ["files", "hubspot"]
    assert identity.former_ids == [FORMER]


def test_a_block_is_stale_while_one_of_its_sources_is(marts: Marts) -> None:
    fresh = card_of(marts)
    assert not fresh.did.conversations.is_stale and fresh.did.conversations.fresh_as_of == NIGHT
    marts.connection.execute(
        "update marts.data_status set is_stale = true, last_good_as_of = %s"
        " where source = 'zendesk'",
        [days_ago(3)],
    )
    stale = card_of(marts)
    assert stale.did.conversations.is_stale and stale.did.survey_answers.is_stale
    assert stale.did.conversations.fresh_as_of == days_ago(3)
    assert not stale.did.orders.is_stale and not stale.doing.is_stale


def test_a_source_that_was_never_loaded_makes_its_blocks_stale(marts: Marts) -> None:
    marts.connection.execute("delete from marts.data_status where source = 'zendesk'")
    conversations = card_of(marts).did.conversations
    assert (conversations.is_stale, conversations.fresh_as_of) == (True, None)


def test_segments_that_were_not_evaluated_tonight_are_stale(marts: Marts) -> None:
    assert card_of(marts).segments.is_stale
    sizes = {"run_id": "r", "members": 1, "entered": 0, "left_tonight": 0}
    marts.add("segments.sizes", segment="cups", as_of=NIGHT, **sizes)
    assert not card_of(marts).segments.is_stale


def test_nights_that_were_not_published_are_counted(marts: Marts) -> None:
    nights = (("a", NIGHT, "failed"), ("b", days_ago(-1), "failed"), ("c", days_ago(-2), "partial"))
    for run_id, as_of, status in nights:
        marts.add("ops.nights", run_id=run_id, as_of=as_of, status=status)
    assert card_of(marts).nights_behind == 1


def test_without_contact_details_no_personal_data_is_even_read(marts: Marts) -> None:
    marts.connection.execute("drop schema marts_pii cascade")
    text = card_of(marts, with_contact=False).model_dump_json()
    assert ANN in text and "hubspot:contacts:1" in text
    assert "@" not in text and "hre" not in text


def test_a_role_that_may_not_read_contacts_is_told_what_to_do(marts: Marts) -> None:
    connection = marts.connection
    connection.execute(
        "drop role if exists card_analyst; create role card_analyst;"
        " grant card_analyst to current_user with inherit true, set true"
    )
    try:
        connection.execute(
            "grant usage on schema marts, identity, identity_build, activation, segments, ops to"
            " card_analyst; grant select on all tables in schema marts, identity, identity_build,"
            " activation, segments, ops to card_analyst; set role card_analyst"
        )
        with pytest.raises(ConfigError, match="--no-contact"):
            card_of(marts)
        assert card_of(marts, with_contact=False).customer_id == ANN
    finally:
        connection.execute("reset role; drop owned by card_analyst; drop role card_analyst")


def test_before_the_first_night_the_card_says_what_to_do(
    warehouse: psycopg.Connection[Any],
) -> None:
    with pytest.raises(ConfigError, match="rapport run"):
        look_up(warehouse, ANN, Settings())


def test_looking_writes_nothing(marts: Marts) -> None:
    marts.connection.execute(
        "create function shout() returns text language plpgsql as $$ begin"
        " insert into ops.nights (run_id, as_of) values ('x', now()); return 'x'; end $$;"
        " alter table marts_pii.dim_customer_contacts rename to kept;"
        " create view marts_pii.dim_customer_contacts as"
        " select *, shout() as shouted from marts_pii.kept"
    )
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        card_of(marts)

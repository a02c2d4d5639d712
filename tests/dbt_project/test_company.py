"""The hand-made company, every number known: what the payloads say is what the marts say."""

from datetime import date
from decimal import Decimal

from .conftest import Read


def one(rows: Read, query: str) -> dict[str, object]:
    found = rows(query)
    assert len(found) == 1, query
    return dict(found.astype(object).iloc[0])


def test_a_customer_unites_what_five_vendors_say(rows: Read) -> None:
    ann = one(rows, "select * from build.dim_customers where customer_id = 'u_1'")
    assert ann["sources"] == ["amplitude", "files", "hubspot", "typeform", "zendesk"]
    assert (ann["country"], ann["plan"], ann["subscription_status"]) == ("DE", "pro", "active")
    assert (ann["orders"], ann["revenue"], ann["currency"]) == (2, Decimal("30.50"), "EUR")


def test_a_golden_field_carries_its_source_and_time(rows: Read) -> None:
    ann = one(rows, "select * from build_pii.dim_customer_contacts where customer_id = 'u_1'")
    assert (ann["email"], ann["email_source"]) == ("ann@example.com", "hubspot")
    assert str(ann["email_as_of"]) == "2026-03-01 00:00:00+00:00"
    assert (ann["user_id"], ann["user_id_source"]) == ("u_1", "files")
    assert (ann["birth_date"], ann["birth_date_source"]) == (date(1980, 12, 24), "hubspot")
    assert (ann["street"], ann["postal_code"], ann["region"]) == (
        "Lindenweg 12", "01067", "Sachsen",
    )  # fmt: skip
    assert str(ann["street_as_of"]) == "2026-03-01 00:00:00+00:00"


def test_a_birth_date_in_the_future_is_nobodys(rows: Read) -> None:
    bob = one(rows, "select * from build_pii.dim_customer_contacts where customer_id = 'u_2'")
    assert (bob["birth_date"], bob["birth_date_source"]) == (None, None)


def test_no_placeholder_is_anybodys_golden_address(rows: Read) -> None:
    bob = one(rows, "select * from build_pii.dim_customer_contacts where customer_id = 'u_2'")
    assert (bob["email"], bob["email_source"]) == ("bob@example.com", "files")
    assert (bob["phone"], bob["phone_source"]) == ("+491709988776", "files")
    ann = one(rows, "select * from build_pii.dim_customer_contacts where customer_id = 'u_1'")
    assert (ann["phone"], ann["phone_source"]) == (None, None)


def test_what_cannot_be_read_is_null_and_stops_nothing(rows: Read) -> None:
    orders = rows("select order_id, amount, ordered_at, currency, status from build.fct_orders")
    known = {row.order_id: row for row in orders.itertuples()}
    assert not {"shop:o5", "shop:o6"} & set(known), "rejected when they landed"
    assert known["shop:o7"].status == "pending"
    assert len(orders) == 6


def test_days_are_those_of_the_company(rows: Read) -> None:
    days = rows("select order_date, currency, revenue from build.mart_revenue_daily")
    revenue = {(row.order_date, row.currency): row.revenue for row in days.itertuples()}
    assert revenue[date(2026, 3, 30), "EUR"] == Decimal("20.50")
    assert revenue[date(2026, 3, 29), "USD"] == 5
    assert revenue[date(2026, 3, 29), "EUR"] is None
    assert date(2027, 1, 1) not in {day for day, _ in revenue}


def test_a_no_of_one_source_outlives_a_later_yes_of_another(rows: Read) -> None:
    consents = rows("select customer_id, channel, purpose, is_granted from build.dim_consents")
    granted = {(c.customer_id, c.channel, c.purpose): c.is_granted for c in consents.itertuples()}
    assert granted == {
        ("u_1", "email", "marketing"): True,
        ("u_1", "email", "feedback"): True,
        ("u_1", "push", "feedback"): True,
        ("u_1", "sms", "feedback"): False,
        ("u_2", "email", "marketing"): False,
        ("u_2", "email", "feedback"): False,
        ("files:consent:bob@example.com", "sms", "marketing"): True,
    }


def test_scores_out_of_their_scale_and_of_the_future_are_not_counted(rows: Read) -> None:
    days = rows("select * from build.mart_nps_daily where responses > 0 order by response_date")
    counted = days[["response_date", "responses", "promoters", "passives", "detractors"]]
    assert counted.values.tolist() == [
        [date(2026, 3, 20), 3, 2, 1, 0],
        [date(2026, 3, 21), 1, 0, 0, 1],
    ]
    assert list(days.nps) == [Decimal("66.67"), -100]


def test_deleted_tickets_are_gone_and_broken_ones_stay(rows: Read) -> None:
    conversations = rows("select conversation_id, status, channel from build.fct_conversations")
    assert sorted(conversations.conversation_id) == ["301", "302", "305", "306"]
    assert dict(zip(conversations.conversation_id, conversations.status, strict=True))["302"] == (
        "pending"
    )


def test_a_gap_above_30_minutes_begins_a_session_and_bots_have_none(rows: Read) -> None:
    sessions = rows(
        "select customer_id, events from build.fct_web_sessions order by customer_id, started_at"
    )
    assert sessions.values.tolist() == [["amplitude:devices:d_9", 1], ["u_1", 3], ["u_1", 1]]


def test_somebody_who_only_a_bot_is_is_nobody(rows: Read) -> None:
    assert rows("select 1 from build.dim_customers where customer_id like '%d_bot'").empty


def test_free_text_and_contact_details_stay_out_of_the_marts(rows: Read) -> None:
    tables = rows(
        "select table_name from information_schema.tables where table_schema = 'build'"
    ).table_name
    for table in tables:
        found = rows(f"select * from build.{table}").astype(str)
        text = found.to_csv()
        for secret in ("ann@example.com", "1234567", "Call me", "It works", "Berg", "Thanks"):
            assert secret not in text, f"{secret} is in {table}"
    comments = rows("select comment from build_pii.fct_survey_comments").comment
    assert sorted(comments) == ["It works", "Thanks"]


def test_the_headline_metrics_have_a_row_each(rows: Read) -> None:
    found = rows("select metric, value, n from build.mart_metrics_latest")
    metrics = {row.metric: (row.value, row.n) for row in found.itertuples()}
    assert metrics["nps_90d"] == (25, 4)
    assert metrics["csat_90d"] == (50, 2)
    assert metrics["csat_good_bad_90d"] == (50, 2)
    assert metrics["ces_90d"] == (4, 2)
    assert metrics["churn_rate_30d"] == (0, 1)
    assert metrics["first_reply_minutes_median_30d"] == (20, 2)
    assert metrics["full_resolution_minutes_median_30d"] == (90, 2)
    assert metrics["revenue_30d_EUR"] == (Decimal("20.50"), 1)
    assert metrics["revenue_30d_USD"] == (5, 1)

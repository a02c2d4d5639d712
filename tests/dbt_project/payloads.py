"""A few records of each vendor, small enough to know every result by hand, some of them broken.

The night is 2026-03-31T03:00Z and the company counts days in Berlin.
"""

from typing import Any

Record = dict[str, Any]


def contact(number: int, archived: bool = False, **properties: Any) -> Record:
    return {"id": str(number), "archived": archived, "properties": properties}


HUBSPOT_CONTACTS = [
    contact(
        101,
        email="ann@example.com",
        hs_additional_emails="ann.b@example.com; ann@old.example",
        firstname="Ann",
        lastname="Berg",
        phone="+49 30 1234567",
        mobilephone="+49 170 7654321",
        date_of_birth="1980-12-24",
        address="Lindenweg 12",
        zip="01067",
        state="Sachsen",
        country="de",
        app_user_id="u_1",
        lifecyclestage="Customer",
        hs_email_optout="false",
        hs_merged_object_ids="98;99",
        createdate="2025-05-01T08:00:00.000Z",
        lastmodifieddate="2026-03-01T00:00:00Z",
    ),
    contact(
        102,
        email="Test@Test.com",
        phone="n/a",
        firstname="Bob",
        date_of_birth="2027-01-01",
        country="AT",
        app_user_id="u_2",
        hs_email_optout="true",
        createdate="2025-06-01T08:00:00Z",
        lastmodifieddate="2026-02-01T00:00:00Z",
    ),
    contact(103, email="  ", firstname=None, createdate="31/12/2025", lastmodifieddate="never"),
    contact(104, archived=True, email="gone@example.com", app_user_id="u_2"),
    {"id": "105", "properties": "not an object"},
]

ZENDESK_USERS = [
    {
        "id": 201,
        "role": "end-user",
        "name": "A. Berg",
        "email": "ann@example.com",
        "external_id": "u_1",
        "verified": True,
        "active": True,
        "created_at": "2025-05-02T08:00:00Z",
        "updated_at": "2026-03-20T08:00:00Z",
    },
    {
        "id": 202,
        "role": "end-user",
        "name": "Bob",
        "email": "bob@example.com",
        "external_id": "u_2",
        "verified": False,
        "active": True,
        "created_at": "2025-06-02T08:00:00Z",
        "updated_at": "2025-06-02T08:00:00Z",
    },
    {"id": 203, "role": "agent", "name": "Agent", "email": "agent@example.com", "active": True},
    {"id": 204, "role": "end-user", "name": "Left", "external_id": "u_5", "active": False},
    {"id": 205, "role": None, "name": {"first": "x"}, "active": "perhaps", "created_at": 17},
]


def ticket(number: int, requester: int | None, status: str, created: str, **more: Any) -> Record:
    return {
        "id": number,
        "requester_id": requester,
        "status": status,
        "created_at": created,
        "updated_at": created,
        "subject": "Call me on +49 30 1234567",
        "via": {"channel": "email"},
        **more,
    }


ZENDESK_TICKETS = [
    ticket(301, 201, "solved", "2026-03-10T10:00:00Z", satisfaction_rating={"score": "good"}),
    ticket(302, 202, "hold", "2026-03-10T22:59:59Z", via=None),
    ticket(303, 202, "deleted", "2026-03-11T10:00:00Z"),
    ticket(304, 202, "open", "2026-03-11T10:00:00Z"),
    ticket(305, None, "open", "2026-13-45T10:00:00Z"),
    ticket(306, 201, "closed", "2026-03-10T23:00:00Z"),
]

ZENDESK_DELETED_TICKETS = [{"id": 304}]


def ticket_metric(number: int, ticket_id: int, reply: Any, full: Any, reopens: Any) -> Record:
    return {
        "id": number,
        "ticket_id": ticket_id,
        "reply_time_in_minutes": {"calendar": reply, "business": 1},
        "full_resolution_time_in_minutes": {"calendar": full, "business": 1},
        "reopens": reopens,
        "replies": 1,
        "solved_at": "2026-03-10T12:00:00Z",
    }


ZENDESK_TICKET_METRICS = [
    ticket_metric(3010, 301, 30, 120, 1),
    ticket_metric(3020, 302, None, None, 0),
    ticket_metric(3060, 306, 10, 60, 10**30),
    ticket_metric(3050, 305, 10**17, -1, None),
    {"id": 3070, "ticket_id": 307, "reply_time_in_minutes": "soon"},
]


def rating(number: int, requester: int, score: str, updated: str) -> Record:
    return {
        "id": number,
        "requester_id": requester,
        "ticket_id": 301,
        "score": score,
        "comment": "Thanks" if score == "good" else None,
        "updated_at": updated,
    }


ZENDESK_SATISFACTION_RATINGS = [
    rating(401, 201, "good", "2026-03-11T10:00:00Z"),
    rating(402, 202, "bad", "2026-03-11T11:00:00Z"),
    rating(403, 202, "offered", "2026-03-11T12:00:00Z"),
]

TYPEFORM_FORMS = [{"id": "f_nps", "title": "How likely"}, {"id": "f_support", "title": "Support"}]


def answer(ref: str, value: Any, kind: str = "number") -> Record:
    return {"type": kind, kind: value, "field": {"id": f"id_{ref}", "ref": ref, "type": "x"}}


def response(token: str, form: str, submitted: Any, answers: Any, **hidden: Any) -> Record:
    return {
        "form_id": form,
        "token": token,
        "submitted_at": submitted,
        "hidden": hidden,
        "answers": answers,
    }


TYPEFORM_RESPONSES = [
    response(
        "r1",
        "f_nps",
        "2026-03-20T10:00:00Z",
        [answer("nps_score", 10), answer("why", "It works", "text")],
        user_id="u_1",
    ),
    response("r2", "f_nps", "2026-03-20T11:00:00Z", [answer("nps_score", 9)], user_id="u_2"),
    response("r3", "f_nps", "2026-03-20T12:00:00Z", [answer("nps_score", 7)]),
    response("r4", "f_nps", "2026-03-20T23:30:00Z", [answer("nps_score", 0)], user_id="u_3"),
    response("r5", "f_nps", "2026-03-20T12:00:00Z", [answer("nps_score", 11)]),
    response("r6", "f_nps", "2026-03-20T12:00:00Z", []),
    response("r7", "f_nps", "yesterday", "no list"),
    response("r8", "f_nps", "2026-04-20T12:00:00Z", [answer("nps_score", 10)]),
    response(
        "r9",
        "f_support",
        "2026-03-21T12:00:00Z",
        [answer("csat", 5), answer("ces_effort", 6), answer("kind", "x@example.com", "email")],
        ticket_id="301",
    ),
    response("r10", "f_support", "2026-03-21T12:00:00Z", [answer("csat", 2), answer("ces", 2)]),
    response("r11", "f_support", "2026-03-22T12:00:00Z", [answer("agreed", True, "boolean")]),
]


def event(key: str, time: Any, name: str = "page_view", **more: Any) -> Record:
    properties = more.pop("event_properties", {"url": "https://example.com/pricing?utm_source=ad"})
    return {
        "uuid": key,
        "event_time": time,
        "event_type": name,
        "event_properties": properties,
        **more,
    }


AMPLITUDE_EVENTS = [
    event("e1", "2026-03-29 00:00:00.000000", user_id="u_1", device_id="d_1"),
    event("e2", "2026-03-29 00:20:00.000000", "product_view", user_id="u_1", device_id="d_1"),
    event("e3", "2026-03-29 00:50:00.000000", "add_to_cart", user_id="u_1", device_id="d_1"),
    event("e4", "2026-03-29 01:20:00.000001", user_id="u_1", device_id="d_1"),
    event("e5", "2026-03-29 00:00:00", device_id="d_9", event_properties={"path": "/"}),
    event("e6", "2026-03-29 00:00:00", device_id="d_bot", user_agent="Googlebot/2.1"),
    event("e7", "2026-03-29 10:00:00 PST", user_id="u_1", device_id="d_1"),
    event("e8", "2026-03-29 00:00:00", event_properties="none"),
]

SHOP_CUSTOMERS = [
    {
        "customer_id": "u_1",
        "email": "ann.b@example.com",
        "phone": "030/1234567",
        "name": "Ann Berg",
        "country": "DE",
        "created_at": "2025-04-30T08:00:00Z",
    },
    {
        "customer_id": "u_2",
        "email": "Bob@Example.com",
        "phone": "0170 9988776",
        "name": "Robert",
        "created_at": "",
    },
]


def order(key: str, customer: str, time: str, amount: str, currency: str, status: str) -> Record:
    return {
        "order_id": key,
        "customer_id": customer,
        "ordered_at": time,
        "amount": amount,
        "currency": currency,
        "quantity": "1",
        "product_id": "p",
        "category": "tea",
        "status": status,
    }


SHOP_ORDERS = [
    order("o1", "u_1", "2026-01-05T10:00:00Z", "10.00", "EUR", "paid"),
    order("o2", "u_1", "2026-03-29T22:30:00Z", "20.50", "eur", "completed"),
    order("o3", "u_2", "2026-03-29T21:30:00Z", "5", "USD", "paid"),
    order("o4", "u_2", "2026-03-29T12:00:00Z", "100", "EUR", "refunded"),
    order("o5", "u_3", "29.03.2026", "abc", "EUR", "paid"),
    order("o6", "u_3", "2026-03-29T12:00:00Z", "1e400", "", "paid"),
    order("o7", "u_3", "2026-03-29T12:00:00Z", "7", "EUR", "lost in the post"),
    order("o8", "u_2", "2027-01-01T00:00:00Z", "8", "EUR", "paid"),
]


def subscription(key: str, customer: str, status: str, started: Any, cancelled: Any) -> Record:
    return {
        "subscription_id": key,
        "customer_id": customer,
        "plan": "pro",
        "status": status,
        "started_at": started,
        "cancelled_at": cancelled,
        "amount": 9.99,
        "currency": "EUR",
        "updated_at": "2026-02-10T00:00:00Z",
    }


BILLING_SUBSCRIPTIONS = [
    subscription("s1", "u_1", "active", "2026-01-15T00:00:00Z", None),
    subscription("s2", "u_2", "cancelled", "2026-01-10T00:00:00Z", "2026-02-20T00:00:00Z"),
    subscription("s3", "u_3", "trialing", "2026-03-01T00:00:00Z", None),
    subscription("s4", "u_4", "cancelled", "2026-02-05T00:00:00Z", "2026-02-25T00:00:00Z"),
    subscription("s5", "u_5", "cancelled", "2025-12-01T00:00:00Z", "2026-01-31T23:00:00Z"),
    subscription("s6", "u_6", "cancelled", "2026-01-31T22:59:59Z", None),
    subscription("s7", "u_7", "active", "soon", None),
]

BILLING_PAYMENTS = [
    {
        "payment_id": "p1",
        "subscription_id": "s1",
        "customer_id": "u_1",
        "status": "failed",
        "amount": 9.99,
        "currency": "EUR",
        "attempted_at": "2026-03-15T00:00:00Z",
        "failure_reason": "card_declined",
    },
    {"payment_id": "p2", "subscription_id": None, "customer_id": "u_1", "amount": "NaN"},
]


def consent(key: str, who: Record, channel: str, purpose: str, status: str, at: str) -> Record:
    return {
        "event_id": key,
        "email": who.get("email", ""),
        "user_id": who.get("user_id", ""),
        "channel": channel,
        "purpose": purpose,
        "status": status,
        "occurred_at": at,
        "policy_version": "v1",
    }


ANN, BOB, BOBS_ADDRESS = {"user_id": "u_1"}, {"user_id": "u_2"}, {"email": "Bob@Example.com"}

CONSENT_LOG = [
    consent("c1", ANN, "email", "marketing", "withdrawn", "2026-01-01T00:00:00Z"),
    consent("c2", ANN, "email", "marketing", "granted", "2026-02-01T00:00:00Z"),
    consent("c3", ANN, "any", "feedback", "granted", "2026-02-01T00:00:00Z"),
    consent("c4", ANN, "sms", "feedback", "unsubscribed", "2026-02-02T00:00:00Z"),
    consent("c5", ANN, "push", "marketing", "granted", "some day"),
    consent("c6", BOB, "email", "marketing", "granted", "2026-03-01T00:00:00Z"),
    consent("c7", BOBS_ADDRESS, "sms", "marketing", "granted", "2026-03-01T00:00:00Z"),
]

RECORDS: dict[str, tuple[list[Record], str]] = {
    "hubspot__contacts": (HUBSPOT_CONTACTS, "id"),
    "zendesk__users": (ZENDESK_USERS, "id"),
    "zendesk__tickets": (ZENDESK_TICKETS, "id"),
    "zendesk__deleted_tickets": (ZENDESK_DELETED_TICKETS, "id"),
    "zendesk__ticket_metrics": (ZENDESK_TICKET_METRICS, "id"),
    "zendesk__satisfaction_ratings": (ZENDESK_SATISFACTION_RATINGS, "id"),
    "typeform__forms": (TYPEFORM_FORMS, "id"),
    "typeform__responses": (TYPEFORM_RESPONSES, "token"),
    "amplitude__events": (AMPLITUDE_EVENTS, "uuid"),
    "files__shop_customers": (SHOP_CUSTOMERS, "customer_id"),
    "files__shop_orders": (SHOP_ORDERS, "order_id"),
    "files__billing_subscriptions": (BILLING_SUBSCRIPTIONS, "subscription_id"),
    "files__billing_payments": (BILLING_PAYMENTS, "payment_id"),
    "files__consent_log": (CONSENT_LOG, "event_id"),
}

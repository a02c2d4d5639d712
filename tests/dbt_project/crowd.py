"""A company of random people, to be counted in two ways."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from .landed import NIGHT, land
from .payloads import event

ZONE = "Europe/Berlin"
AS_OF = pd.Timestamp(NIGHT)
AGENT = 900


def land_the_crowd(connection: psycopg.Connection[Any]) -> None:
    """Everything that they did, as one night."""
    for table, frame in payloads(np.random.default_rng(11)).items():
        records = dict(zip(frame.key.astype(str), frame.payload, strict=True))
        land(connection, table, records, NIGHT)


def payloads(random: np.random.Generator) -> dict[str, pd.DataFrame]:
    def moments(count: int, days: int = 200) -> list[str]:
        seconds = random.integers(0, days * 86400, count)
        return [
            (NIGHT - timedelta(seconds=int(second))).strftime("%Y-%m-%dT%H:%M:%SZ")
            for second in seconds
        ]

    def people(count: int) -> list[str]:
        return [f"u_{number}" for number in random.integers(0, 120, count)]

    orders = [
        {
            "order_id": f"o{number}",
            "customer_id": customer,
            "ordered_at": at,
            "amount": str(amount / 100),
            "currency": currency,
            "status": status,
        }
        for number, (customer, at, amount, currency, status) in enumerate(
            zip(
                people(600),
                moments(600),
                random.integers(0, 20000, 600),
                random.choice(["EUR", "USD"], 600, p=[0.8, 0.2]),
                random.choice(["paid", "refunded", "cancelled"], 600, p=[0.8, 0.1, 0.1]),
                strict=True,
            )
        )
    ]
    subscriptions = []
    for number, (customer, at) in enumerate(zip(people(200), moments(200, 400), strict=True)):
        ends = pd.Timestamp(at) + pd.Timedelta(days=int(random.integers(5, 300)))
        over = ends <= AS_OF and random.random() < 0.8
        subscriptions.append(
            {
                "subscription_id": f"s{number}",
                "customer_id": customer,
                "plan": str(random.choice(["basic", "plus"])),
                "status": "cancelled" if over else str(random.choice(["active", "trialing"])),
                "started_at": at,
                "cancelled_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ") if over else None,
            }
        )
    responses = [
        {
            "token": f"r{number}",
            "form_id": "f",
            "submitted_at": at,
            "hidden": {"user_id": customer},
            "answers": [
                {"type": "number", "number": int(nps), "field": {"ref": "nps"}},
                {"type": "number", "number": int(csat), "field": {"ref": "csat"}},
                {"type": "number", "number": int(ces), "field": {"ref": "ces"}},
            ],
        }
        for number, (customer, at, nps, csat, ces) in enumerate(
            zip(
                people(400),
                moments(400),
                random.integers(0, 11, 400),
                random.integers(1, 6, 400),
                random.integers(1, 8, 400),
                strict=True,
            )
        )
    ]
    tickets, metrics, ratings = [], [], []
    for number, at in enumerate(moments(300)):
        opened = pd.Timestamp(at)
        resolution = int(random.integers(1, 9000))
        solved = opened + pd.Timedelta(minutes=resolution)
        is_open = solved > AS_OF or random.random() < 0.1
        tickets.append(
            {
                "id": number,
                "requester_id": int(random.integers(0, 120)),
                "via": {"channel": str(random.choice(["email", "chat"]))},
                "priority": str(random.choice(["urgent", "normal"])),
                "status": "open" if is_open else "solved",
                "created_at": at,
                "updated_at": at,
            }
        )
        metrics.append(
            {
                "id": number,
                "ticket_id": number,
                "created_at": at,
                "solved_at": None if is_open else solved.isoformat(),
                "reply_time_in_minutes": {
                    "calendar": int(random.integers(1, 5000)) if random.random() < 0.9 else None,
                    "business": int(random.integers(1, 2000)),
                },
                "full_resolution_time_in_minutes": {"calendar": None if is_open else resolution},
                "reopens": int(random.integers(0, 2)),
                "replies": int(random.integers(0, 3)),
            }
        )
        ratings.append(
            {
                "id": number,
                "ticket_id": number,
                "requester_id": tickets[-1]["requester_id"],
                "score": str(random.choice(["offered", "good", "bad", "unoffered"])),
                "created_at": at,
                "updated_at": at,
            }
        )
    customers = [
        {
            "customer_id": f"u_{number}",
            "country": str(random.choice(["DE", "FR", "PL"])),
            "created_at": "2025-01-01T00:00:00Z",
        }
        for number in range(120)
    ]
    users = [
        {
            "id": number,
            "external_id": f"u_{number}",
            "role": "end-user",
            "active": True,
            "created_at": "2025-01-01T00:00:00Z",
            "updated_at": "2025-01-01T00:00:00Z",
        }
        for number in range(120)
    ]
    users.append({"id": AGENT, "role": "agent", "active": True})
    payments = [
        {
            "payment_id": f"p{number}",
            "customer_id": customer,
            "status": str(random.choice(["succeeded", "failed", "refunded"])),
            "amount": str(int(random.integers(1, 9000)) / 100),
            "currency": "EUR",
            "attempted_at": at,
        }
        for number, (customer, at) in enumerate(zip(people(300), moments(300), strict=True))
    ]
    events = [
        event(
            f"e{number}",
            at.replace("T", " ").removesuffix("Z"),
            str(random.choice(["page_view", "product_view", "add_to_cart", "purchase"])),
            user_id=customer,
            device_id=f"d_{customer}",
            event_properties={
                "path": str(random.choice(["/", "/help/parcels", "/pricing"])),
                "product_id": "p_1",
                **medium,
            },
        )
        for number, (customer, at, medium) in enumerate(
            zip(
                people(800),
                moments(800),
                random.choice(
                    [
                        {},
                        {"utm_medium": "cpc", "utm_source": "google", "utm_campaign": "brand"},
                        {"utm_medium": "email", "utm_source": "news", "utm_campaign": "spring"},
                    ],
                    800,
                ),
                strict=True,
            )
        )
    ]
    for ticket, visit in zip(tickets[:30], events, strict=False):
        before = pd.Timestamp(ticket["created_at"]) - pd.Timedelta(hours=2)
        customer = f"u_{ticket['requester_id']}"
        visit |= {"event_time": f"{before:%Y-%m-%d %H:%M:%S}", "event_type": "page_view"}
        visit |= {"user_id": customer, "device_id": f"d_{customer}"}
        visit["event_properties"] = {"path": "/help/parcels"}

    def landed(records: list[dict[str, Any]], key: str) -> pd.DataFrame:
        return pd.DataFrame({"key": [row[key] for row in records], "payload": records})

    return {
        "files__shop_orders": landed(orders, "order_id"),
        "files__billing_subscriptions": landed(subscriptions, "subscription_id"),
        "typeform__responses": landed(responses, "token"),
        "zendesk__tickets": landed(tickets, "id"),
        "zendesk__ticket_metrics": landed(metrics, "id"),
        "zendesk__satisfaction_ratings": landed(ratings, "id"),
        "zendesk__users": landed(users, "id"),
        "files__shop_customers": landed(customers, "customer_id"),
        "files__billing_payments": landed(payments, "payment_id"),
        "amplitude__events": landed(events, "uuid"),
    }

"""A made-up company straight in the built tables: who buys, visits and leaves as the dice say.

The dice follow the models' own assumptions where a test is about recovering them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

Connection = psycopg.Connection[Any]
AS_OF = datetime(2026, 3, 1, 3, tzinfo=UTC)

TABLES = """
create schema if not exists build;
create table build.dim_customers (customer_id text, first_seen_at timestamptz);
create table build.fct_orders (
    source text, order_id text, customer_id text, ordered_at timestamptz, order_date date,
    status text, amount numeric, currency text, quantity numeric, product_id text,
    product_name text, category text,
    is_purchase boolean generated always as (status = 'paid' and coalesce(amount, 0) >= 0) stored,
    revenue numeric generated always as (case when status = 'paid' then amount end) stored
);
create table build.fct_subscriptions (
    customer_id text, subscription_id text, started_at timestamptz, ended_at timestamptz,
    plan text, amount numeric, currency text
);
create table build.fct_touchpoints (
    customer_id text, touchpoint_id text, kind text, channel text, occurred_at timestamptz,
    status text
);
create table build.fct_web_sessions (
    customer_id text, started_at timestamptz, product_ids text[]
);
create table build.fct_survey_responses (response_id text)
"""


def simulate(
    rng: np.random.Generator, size: int, weeks: float, r: float, alpha: float, a: float, b: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repeats, time of the last one and age of customers who live by BG/NBD, in weeks."""
    age = rng.uniform(weeks / 3, weeks, size)
    rate, leaving = rng.gamma(r, 1 / alpha, size), rng.beta(a, b, size)
    repeats, last, now = np.zeros(size), np.zeros(size), np.zeros(size)
    alive = np.ones(size, bool)
    while alive.any():
        now = now + rng.exponential(1 / np.maximum(rate, 1e-12))
        alive &= now <= age
        repeats[alive] += 1
        last[alive] = now[alive]
        alive &= rng.random(size) > leaving
    return repeats, last, age


def make_tables(connection: Connection) -> None:
    """The tables that the predictions read, empty."""
    connection.execute(TABLES)


def order(
    connection: Connection, customer: str, at: datetime, amount: float, **values: Any
) -> None:
    """One order, and its touchpoint."""
    row = {
        "currency": "EUR", "status": "paid", "product_id": "p1", "product_name": "Tea",
        "category": "hot",
    } | values  # fmt: skip
    number = connection.execute("select count(*) from build.fct_orders").fetchone()
    assert number is not None
    connection.execute(
        "insert into build.fct_orders values ('files', %(id)s, %(customer)s, %(at)s, %(day)s,"
        " %(status)s, %(amount)s, %(currency)s, 1, %(product_id)s, %(product_name)s, %(category)s)",
        row | {"id": f"o{number[0]}", "customer": customer, "at": at, "day": at.date(),
               "amount": amount},
    )  # fmt: skip


def fill(connection: Connection, customers: int = 400, seed: int = 3) -> None:
    """Half a year of a company: two tastes, two currencies, contracts that fail before they end."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("dim_customers", "fct_orders", "fct_subscriptions",
                              "fct_touchpoints", "fct_web_sessions")
    }  # fmt: skip

    def touch(who: str, kind: str, channel: str, at: datetime, status: str) -> None:
        if at <= AS_OF:
            number = f"t{len(rows['fct_touchpoints'])}"
            rows["fct_touchpoints"].append((who, number, kind, channel, at, status))

    for number in range(customers):
        who = f"c{number:04d}"
        first = AS_OF - timedelta(days=float(rng.uniform(20, 180)))
        rows["dim_customers"].append((who, first - timedelta(days=400 * (number % 2))))
        taste, hour = number % 2, 8 + 8 * (number % 2)
        pace, at, end = float(rng.gamma(1.5, 12.0)) + 4, first, AS_OF
        for _ in range(30):
            if at > AS_OF:
                break
            if at > first and rng.random() < 0.15:
                end = at
                break
            product = f"p{taste * 6 + int(rng.integers(6))}"
            amount = round(float(rng.gamma(6, 4)), 2)
            currency = "USD" if number % 20 == 0 else "EUR"
            rows["fct_orders"].append(
                ("files", f"o{len(rows['fct_orders'])}", who, at, at.date(), "paid", amount,
                 currency, 1, product, product.upper(), f"taste {taste}")
            )  # fmt: skip
            touch(who, "order", "shop", at, "paid")
            at += timedelta(days=float(rng.exponential(pace)))
        for _ in range(int(rng.integers(4, 14))):
            day = first + timedelta(days=float(rng.uniform(0, (end - first).days)))
            seen = day.replace(hour=hour + int(rng.integers(2)))
            products = [f"p{taste * 6 + int(rng.integers(6))}"]
            if seen <= AS_OF:
                rows["fct_web_sessions"].append((who, seen, products))
            touch(who, "web_session", "web", seen, "visited")
        if number % 3 == 0:
            _subscribe(rng, rows, who, first, touch)
    with connection.cursor() as cursor:
        for name, values in rows.items():
            with cursor.copy(f"copy build.{name} from stdin") as copy:  # type: ignore[arg-type]
                for row in values:
                    copy.write_row(row)


def _subscribe(rng: np.random.Generator, rows: Any, who: str, first: datetime, touch: Any) -> None:
    """A contract; a third has failed payments, and most of these end soon after."""
    ended = None
    if rng.random() < 0.4:
        failed = first + timedelta(days=float(rng.uniform(10, 170)))
        touch(who, "payment", "billing", failed, "failed")
        touch(who, "payment", "billing", failed + timedelta(days=3), "failed")
        if rng.random() < 0.9:
            ended = failed + timedelta(days=float(rng.uniform(8, 30)))
    rows["fct_subscriptions"].append(
        (who, f"s{who}", first, ended if ended is not None and ended <= AS_OF else None,
         "monthly", 20, "EUR")
    )  # fmt: skip

"""The block "Doing" of the card: recent visits, and products viewed but not bought.

>>> doing(connection, "c_1", as_of, freshness).products_not_bought  # doctest: +SKIP
[Product(product_id='p_204', category='tea', views=3, ...)]
"""

from datetime import datetime, timedelta

from rapport.card.data_age import Freshness
from rapport.card.models import Category, Doing, Product, Session
from rapport.card.rows import Connection, one, rows

DAYS = 30
SHOWN = 10


def doing(connection: Connection, customer_id: str, as_of: datetime, freshness: Freshness) -> Doing:
    """The activity in the 30 days before `as_of` (UTC)."""
    since = as_of - timedelta(days=DAYS)
    values = {"id": customer_id, "since": since, "as_of": as_of, "shown": SHOWN}
    return Doing(
        **freshness.of("web_events", "orders"),
        **one(connection, COUNTS, values),
        days=DAYS,
        latest_sessions=rows(connection, Session, SESSIONS, values),
        products_not_bought=rows(connection, Product, PRODUCTS, values),
        categories_not_bought=rows(connection, Category, CATEGORIES, values),
    )


COUNTS = """
select
    (
        select count(*)
        from marts.fct_web_sessions
        where customer_id = %(id)s and started_at > %(since)s and started_at <= %(as_of)s
    ) as sessions,
    (
        select count(*)
        from marts.fct_product_interest
        where
            customer_id = %(id)s and not is_bought
            and last_viewed_at > %(since)s and last_viewed_at <= %(as_of)s
    ) as products
"""

SESSIONS = """
select
    source, started_at, ceil(extract(epoch from ended_at - started_at) / 60)::integer as minutes,
    page_views, cart_adds, purchases, landing_path, referrer, utm_campaign
from marts.fct_web_sessions
where customer_id = %(id)s and started_at > %(since)s and started_at <= %(as_of)s
order by started_at desc, session_id
limit %(shown)s
"""

PRODUCTS = """
select product_id, category, last_viewed_at, views, cart_adds
from marts.fct_product_interest
where
    customer_id = %(id)s and not is_bought
    and last_viewed_at > %(since)s and last_viewed_at <= %(as_of)s
order by last_viewed_at desc, product_id
limit %(shown)s
"""

CATEGORIES = """
select
    category, max(last_viewed_at) as last_viewed_at, count(*) as products,
    sum(views)::integer as views
from marts.fct_product_interest as interest
where
    customer_id = %(id)s and category is not null
    and last_viewed_at > %(since)s and last_viewed_at <= %(as_of)s
    and not exists (
        select from marts.fct_orders as orders
        where
            orders.customer_id = interest.customer_id
            and orders.category = interest.category
            and orders.status <> 'cancelled'
            and orders.ordered_at > %(since)s
    )
group by category
order by last_viewed_at desc, category
limit %(shown)s
"""

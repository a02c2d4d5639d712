"""Purchase histories: one row per customer and currency. Currencies are never added up.

A purchase is a day (company's time zone) with paid orders. Its value is the sum of the orders. A
day with a negative sum is a refund: it does not count as a purchase, but it lowers the mean value.
Orders in an unknown currency (`XXX`) are left out.

>>> histories.up_to(connection, as_of, date(2026, 5, 31))  # doctest: +SKIP
  customer_id currency  orders  revenue  repeats  last_day  age  mean_value
"""

from datetime import date, datetime

import pandas as pd

from rapport.predictions.store import Connection, read

HISTORIES = """
with days as (
    select
        customer_id, currency, order_date, sum(revenue) as value,
        count(*) filter (where is_purchase) as orders
    from build.fct_orders
    where
        revenue is not null and customer_id is not null and currency <> 'XXX'
        and ordered_at >= timestamptz '1990-01-01T00:00:00Z' and ordered_at <= %(as_of)s
        and order_date <= %(until)s
    group by customer_id, currency, order_date
),

firsts as (
    select
        *,
        min(order_date) filter (where value >= 0) over (
            partition by customer_id, currency
        ) as first_date
    from days
)

select
    customer_id,
    currency,
    sum(orders)::integer as orders,
    sum(value) as revenue,
    (count(*) filter (where value >= 0) - 1)::integer as repeats,
    max(order_date) filter (where value >= 0) - first_date as last_day,
    %(until)s - first_date as age,
    (
        sum(value) filter (where order_date > first_date)
        / nullif(count(*) filter (where value >= 0) - 1, 0)
    )::double precision as mean_value
from firsts
where first_date is not null
group by customer_id, currency, first_date
"""

AFTERWARDS = """
select
    customer_id, currency,
    count(distinct order_date) filter (where is_purchase) as purchases,
    sum(revenue)::double precision as value
from build.fct_orders
where
    revenue is not null and customer_id is not null and currency <> 'XXX'
    and ordered_at <= %(as_of)s and order_date > %(until)s and order_date <= %(through)s
group by customer_id, currency
"""

FILL = "insert into predictions.histories" + HISTORIES


def fill(connection: Connection, as_of: datetime, today: date) -> None:
    """Replace `predictions.histories` with the histories up to `as_of` and the date `today`."""
    connection.execute("delete from predictions.histories")
    connection.execute(FILL, {"as_of": as_of, "until": today})
    connection.execute("analyze predictions.histories")


def up_to(connection: Connection, as_of: datetime, until: date) -> pd.DataFrame:
    """The histories as they were at the end of the day `until`: one row per customer and currency.

    `last_day` and `age` are days since the first purchase.
    """
    frame = read(connection, HISTORIES, as_of=as_of, until=until)
    return frame.sort_values(["currency", "customer_id"], ignore_index=True)


def afterwards(connection: Connection, as_of: datetime, until: date, through: date) -> pd.DataFrame:
    """Purchase days and their total value after `until` up to `through`, by customer and currency.

    Both dates are in the company's time zone.
    """
    return read(connection, AFTERWARDS, as_of=as_of, until=until, through=through)

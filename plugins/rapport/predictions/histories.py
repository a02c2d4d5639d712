"""Purchase histories, one a customer and currency: currencies are never added to each other.

A purchase is a company-local day with paid orders; what the day is worth is their sum. A day that
is negative in sum gives money back: it is no purchase, but it lowers the mean. Unknown currencies
(`XXX`) have no history.
"""

from datetime import date, datetime

import pandas as pd

from rapport.predictions.store import Connection, read

HISTORIES = """
with days as (
    select customer_id, currency, order_date, sum(amount) as value, count(*) as orders
    from build.fct_orders
    where
        status = 'paid' and customer_id is not null and currency <> 'XXX' and amount is not null
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
    count(distinct order_date) as purchases, sum(amount)::double precision as value
from build.fct_orders
where
    status = 'paid' and customer_id is not null and currency <> 'XXX' and amount is not null
    and ordered_at <= %(as_of)s and order_date > %(until)s and order_date <= %(through)s
group by customer_id, currency
"""

FILL = "insert into predictions.histories" + HISTORIES


def fill(connection: Connection, as_of: datetime, today: date) -> None:
    """Write tonight's histories to `predictions.histories`."""
    connection.execute("delete from predictions.histories")
    connection.execute(FILL, {"as_of": as_of, "until": today})


def up_to(connection: Connection, as_of: datetime, until: date) -> pd.DataFrame:
    """The histories as they were at the end of a day, by customer and currency."""
    frame = read(connection, HISTORIES, as_of=as_of, until=until)
    return frame.sort_values(["currency", "customer_id"], ignore_index=True)


def afterwards(connection: Connection, as_of: datetime, until: date, through: date) -> pd.DataFrame:
    """What was bought between: purchase days and their value by customer and currency."""
    return read(connection, AFTERWARDS, as_of=as_of, until=until, through=through)

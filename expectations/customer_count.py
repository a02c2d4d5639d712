"""The number of customers does not jump from one night to the next."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = """
    with tonight as (
        select count(*)::numeric as customers from build.dim_customers
    ),

    before as (
        select published_tables.rows::numeric as customers
        from ops.published_tables
        join ops.publications using (run_id)
        where table_name = 'marts.dim_customers' and published_tables.rows > 100
        order by published_at desc
        limit 1
    )

    select tonight.customers / before.customers as ratio
    from tonight
    left join before on true
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """Between half and double of last night's."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="ratio", min_value=0.5, max_value=2, severity="critical"
        )
    ]

"""The number of customers does not jump from one run to the next."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = """
    with built as (
        select count(*)::numeric as customers from build.dim_customers
    ),

    published as (
        select published_tables.rows::numeric as customers
        from ops.published_tables
        join ops.publications using (run_id)
        where table_name = 'marts.dim_customers' and published_tables.rows > 100
        order by published_at desc
        limit 1
    )

    select built.customers / published.customers as ratio
    from built
    left join published on true
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """The number is between half and double that of the last published run."""
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="ratio", min_value=0.5, max_value=2, severity="critical"
        )
    ]

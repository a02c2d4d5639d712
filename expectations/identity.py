"""No customer has swallowed others: the largest stays small, and few change in one night."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = """
    select
        coalesce(max(profiles), 0) as largest,
        coalesce(avg(profiles), 0) as mean
    from build.dim_customers
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """At most 200 records a customer, and fewer than 20 on average."""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="largest", max_value=200, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(column="mean", max_value=20, severity="critical"),
    ]

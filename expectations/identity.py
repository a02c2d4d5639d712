"""No customer has too many profiles, which would mean that identity joined different people."""

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
    """A customer has at most 200 profiles, and at most 20 on average."""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="largest", max_value=200, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(column="mean", max_value=20, severity="critical"),
    ]

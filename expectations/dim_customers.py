"""The customer table is not empty, and its ids, times and countries are plausible."""

from datetime import datetime, timedelta

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = "select * from build.dim_customers"


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """There is at least one row, ids have the right form, and no activity is in the future."""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, severity="critical"),
        gxe.ExpectColumnValuesToMatchRegex(
            column="customer_id", regex="^c_[0-9a-f]{20}$", severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="last_seen_at",
            max_value=(as_of + timedelta(days=1)).isoformat(),
            mostly=0.99,
            severity="critical",
        ),
        gxe.ExpectColumnValuesToBeBetween(column="profiles", min_value=1, severity="critical"),
        gxe.ExpectColumnValuesToMatchRegex(
            column="country", regex="^[A-Z]{2}$", mostly=0.95, severity="warning"
        ),
    ]

"""Orders have a plausible amount, currency and time."""

from datetime import datetime, timedelta

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = "select amount, currency, ordered_at from build.fct_orders"


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """Amounts are present and plausible, currencies are ISO codes, no order is in the future."""
    return [
        gxe.ExpectColumnValuesToNotBeNull(column="amount", mostly=0.99, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(
            column="amount", min_value=-1_000_000, max_value=1_000_000, severity="critical"
        ),
        gxe.ExpectColumnValuesToMatchRegex(
            column="currency", regex="^[A-Z]{3}$", severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="ordered_at",
            max_value=(as_of + timedelta(days=1)).isoformat(),
            severity="critical",
        ),
    ]

"""Survey responses have a known metric and a score on its scale."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = "select metric, scale, score, customer_id from build.fct_survey_responses"


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """Metrics are known, scores are between 0 and 10, and most responses have a customer."""
    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="metric", value_set=["nps", "csat", "ces"], severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="score", min_value=0, max_value=10, severity="critical"
        ),
        gxe.ExpectColumnValuesToNotBeNull(column="customer_id", mostly=0.5, severity="warning"),
    ]

"""The loads of a run are complete and similar to the source's earlier loads."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "arrival"
QUERY = """
    select * from quality.arrivals
    where run_id = {run_id} and source = {source}
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """Loads are finished, few records are rejected, and the volume is plausible."""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, severity="critical"),
        gxe.ExpectColumnValuesToBeInSet(
            column="is_finished", value_set=[True], severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="rejected_share", max_value=0.05, severity="critical"
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="has_warning", value_set=[False], severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="landed_ratio", max_value=20, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(
            column="landed_ratio", min_value=0.05, severity="warning"
        ),
        gxe.ExpectColumnValuesToBeBetween(column="odd_share", max_value=0.01, severity="warning"),
    ]

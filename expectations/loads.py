"""The loads of a run are complete and similar to the source's earlier loads."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "arrival"
# Up to five rejected records fail no load, unless they are most of it.
QUERY = """
    select
        *,
        case when rejected > 5 or rejected_share > 0.5 then rejected_share else 0 end
            as refused_share
    from quality.arrivals
    where run_id = {run_id} and source = {source}
"""
FINDINGS = """
    select 'stream ' || stream || ': ' || case
        when not is_finished then 'the load is not finished'
        when refused_share > 0.05 then rejected || ' of ' || read || ' records were rejected'
        when has_warning then 'the load has a warning'
        else landed || ' records landed, far from the usual number'
    end
    from judged
    where not is_finished or refused_share > 0.05 or has_warning or landed_ratio > 20
    order by stream
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """Loads are finished, few records are rejected, and the volume is plausible."""
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=1, severity="critical"),
        gxe.ExpectColumnValuesToBeInSet(
            column="is_finished", value_set=[True], severity="critical"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="refused_share", max_value=0.05, severity="critical"
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

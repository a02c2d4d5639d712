"""Few responses of a dataset have a score off its scale, a time in the future or an odd word."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
# A group is judged from 20 odd rows on, so that a few cells never stop a publication.
QUERY = """
    with odd as (
        select
            source, dataset, column_name, oddity, odd_rows, rows,
            case when odd_rows >= 20 then odd_rows::numeric / rows else 0 end as share,
            oddity in ('off_scale', 'in_the_future') as is_wrong
        from build.data_oddities
        where table_name = 'fct_survey_responses'
    )

    select
        source, dataset, column_name, oddity, odd_rows, rows,
        case when is_wrong then share else 0 end as odd_share,
        case when is_wrong then 0 else share end as unclear_share
    from odd
"""
FINDINGS = """
    select
        column_name || ' is ' || oddity
        || ' in ' || odd_rows || ' of ' || rows || ' rows of source ' || source
        || ', dataset ' || dataset
    from judged
    where odd_share > 0.1
    order by odd_rows desc
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """At most a tenth of the responses of a group is odd; other oddities only warn."""
    return [
        gxe.ExpectColumnValuesToBeBetween(column="odd_share", max_value=0.1, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(
            column="unclear_share", max_value=0.1, severity="warning"
        ),
    ]

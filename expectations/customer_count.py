"""The number of customers does not jump from one night to the next."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
QUERY = """
    with tonight as (
        select count(*)::numeric as customers from build.dim_customers
    ),

    before as (
        select n_live_tup::numeric as customers
        from pg_stat_user_tables
        where schemaname = 'marts' and relname = 'dim_customers' and n_live_tup > 100
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

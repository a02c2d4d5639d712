"""Few orders of a source, dataset and currency have odd values, and amounts do not jump."""

from datetime import datetime

import great_expectations.expectations as gxe

GATE = "publication"
# A group is judged from 20 odd rows on, so that a few cells never stop a publication. Amounts are
# compared within one source, dataset and currency: 30 days against the time before.
QUERY = """
    with odd as (
        select
            source, dataset, currency, column_name, oddity, odd_rows, rows,
            case when odd_rows >= 20 then odd_rows::numeric / rows else 0 end as share,
            oddity = 'in_the_future' or (column_name = 'amount' and oddity = 'missing') as is_wrong
        from build.data_oddities
        where table_name in ('fct_orders', 'fct_payments') and is_left_out
    ),

    amounts as (
        select
            source, split_part(order_id, ':', 1) as namespace, currency, amount,
            ordered_at > timestamptz {as_of} - interval '30 days' as is_new
        from build.fct_orders
        where is_purchase and amount > 0 and ordered_at <= {as_of}
    ),

    jumps as (
        select
            source,
            case when source in ('files', 'postgres') then namespace else '(none)' end as dataset,
            currency, 'amount' as column_name, 'jumped' as oddity,
            count(*) filter (where is_new) as odd_rows, count(*) as rows,
            percentile_cont(0.5) within group (order by amount) filter (where is_new)
            / percentile_cont(0.5) within group (order by amount) filter (where not is_new) as jump
        from amounts
        group by 1, 2, 3
        having count(*) filter (where is_new) >= 50 and count(*) filter (where not is_new) >= 50
    )

    select
        source, dataset, currency, column_name, oddity, odd_rows, rows,
        case when is_wrong then share else 0 end as odd_share,
        case when is_wrong then 0 else share end as unclear_share,
        1 as jump
    from odd
    union all
    select source, dataset, currency, column_name, oddity, odd_rows, rows, 0, 0, jump::numeric
    from jumps
"""
FINDINGS = """
    select
        column_name || case when jump = 1 then ' is ' || oddity else ' jumped' end
        || ' in ' || odd_rows || ' of ' || rows || ' rows of source ' || source
        || ', dataset ' || dataset || ', currency ' || currency
    from judged
    where odd_share > 0.1 or jump not between 0.05 and 20
    order by odd_rows desc
"""


def expectations(as_of: datetime) -> list[gxe.Expectation]:
    """At most a tenth of a group is odd; the median amount stays within a factor of 20.

    Missing amounts and times in the future are critical. Words, currencies and old times are not.
    """
    return [
        gxe.ExpectColumnValuesToBeBetween(column="odd_share", max_value=0.1, severity="critical"),
        gxe.ExpectColumnValuesToBeBetween(
            column="unclear_share", max_value=0.1, severity="warning"
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="jump", min_value=0.05, max_value=20, severity="critical"
        ),
    ]

with buyers as (
    select
        customer_id, orders, revenue, currency, last_ordered_at,
        percent_rank() over (partition by currency order by revenue) as revenue_rank
    from {{ ref('dim_customers') }}
    where orders > 0 and revenue > 0
),

conditions as (
    select
        buyers.*,
        revenue_rank <= 0.25 as is_in_bottom_quarter,
        last_ordered_at > {{ as_of() }} - interval '1 year' as has_bought_this_year
    from buyers
)

select customer_id, orders, revenue, currency
from conditions
where is_in_bottom_quarter and has_bought_this_year

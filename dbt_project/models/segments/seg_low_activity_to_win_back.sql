with conditions as (
    select
        customer_id,
        orders,
        last_seen_at,
        orders > 0 as has_bought,
        last_seen_at < {{ as_of() }} - interval '45 days' as is_quiet,
        last_seen_at > {{ as_of() }} - interval '180 days' as is_not_gone,
        coalesce(subscription_status, '') <> 'cancelled' as is_not_cancelled
    from {{ ref('dim_customers') }}
)

select customer_id, orders, last_seen_at
from conditions
where has_bought and is_quiet and is_not_gone and is_not_cancelled

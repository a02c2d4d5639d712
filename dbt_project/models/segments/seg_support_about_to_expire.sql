with conditions as (
    select distinct on (customer_id)
        customer_id,
        plan,
        cancelled_at,
        is_active as is_running,
        coalesce(cancelled_at between {{ as_of() }} and {{ as_of() }} + interval '30 days', false) as has_end_soon
    from {{ ref('fct_subscriptions') }}
    where customer_id is not null
    order by customer_id, is_running desc, has_end_soon desc, cancelled_at, subscription_id
)

select customer_id, plan, cancelled_at
from conditions
where is_running and has_end_soon

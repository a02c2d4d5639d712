with carts as (
    select customer_id, max(ended_at) as last_cart_at, sum(cart_adds) as cart_adds
    from {{ ref('fct_web_sessions') }}
    where cart_adds > 0 and started_at > {{ as_of() }} - interval '3 days' and started_at <= {{ as_of() }}
    group by customer_id
),

conditions as (
    select
        carts.*,
        customers.customer_id is not null as is_known,
        coalesce(customers.last_ordered_at < carts.last_cart_at, true) as is_not_ordered
    from carts
    left join {{ ref('dim_customers') }} as customers on carts.customer_id = customers.customer_id
)

select customer_id, last_cart_at, cart_adds
from conditions
where is_known and is_not_ordered

with running as (
    select distinct on (customer_id)
        customer_id, plan, status, started_at, amount, currency, is_active,
        max(amount) filter (where started_at > {{ as_of() }} - interval '1 year')
            over (partition by currency) as newer_amount
    from {{ ref('fct_subscriptions') }}
    where customer_id is not null and started_at <= {{ as_of() }}
    order by customer_id, is_active desc, started_at, subscription_id
),

conditions as (
    select
        running.*,
        is_active and status = 'active' as is_paid_up,
        started_at <= {{ as_of() }} - interval '1 year' as has_run_a_year,
        coalesce(newer_amount > amount, false) as has_newer_offer
    from running
)

select customer_id, plan, started_at, amount, currency
from conditions
where is_paid_up and has_run_a_year and has_newer_offer

with attempts as (
    select distinct on (subscription_id)
        customer_id, subscription_id, status, amount, currency, attempted_at, failure_reason
    from {{ ref('fct_payments') }}
    where attempted_at <= {{ as_of() }} and customer_id is not null
    order by subscription_id, attempted_at desc, payment_id
),

conditions as (
    select distinct on (attempts.customer_id)
        attempts.*,
        attempts.status = 'failed' as has_failed_last_payment,
        attempts.attempted_at > {{ as_of() }} - interval '30 days' as is_recent,
        coalesce(subscriptions.status <> 'cancelled', true) as is_not_cancelled
    from attempts
    left join {{ ref('fct_subscriptions') }} as subscriptions
        on attempts.subscription_id = subscriptions.subscription_id
    order by attempts.customer_id, has_failed_last_payment desc, is_recent desc, attempted_at desc
)

select customer_id, amount, currency, attempted_at, failure_reason
from conditions
where has_failed_last_payment and is_recent and is_not_cancelled

with starts as (
    select distinct on (customer_id) customer_id, plan, started_at, is_active
    from {{ ref('fct_subscriptions') }}
    where customer_id is not null and started_at <= {{ as_of() }}
    order by customer_id, started_at, subscription_id
),

answers as (
    select customer_id, max(responded_at) as last_responded_at from {{ ref('fct_survey_responses') }}
    where responded_at <= {{ as_of() }}
    group by customer_id
),

conditions as (
    select
        starts.*,
        starts.is_active as is_still_here,
        starts.started_at between {{ as_of() }} - interval '30 days' and {{ as_of() }} - interval '14 days' as is_just_onboarded,
        coalesce(answers.last_responded_at < starts.started_at, true) as is_not_asked_yet
    from starts left join answers on starts.customer_id = answers.customer_id
)

select customer_id, plan, started_at
from conditions
where is_still_here and is_just_onboarded and is_not_asked_yet

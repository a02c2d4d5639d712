with nps as (

    select nps_90d, responses_90d, margin_of_error_90d
    from {{ ref('mart_nps_daily') }}
    order by response_date desc
    limit 1

),

csat as (

    select distinct on (scale) scale, csat_90d, responses_90d
    from {{ ref('mart_csat_daily') }}
    order by scale, response_date desc

),

ces as (

    select ces_90d, responses_90d
    from {{ ref('mart_ces_daily') }}
    order by response_date desc
    limit 1

),

memberships as (

    {{ memberships() }}

),

customers_30_days_ago as (

    select basis, customer_id, bool_or({{ held_at(as_of()) }}) as is_still_there
    from memberships
    where {{ held_at(as_of() ~ " - interval '30 days'") }} or {{ held_at(as_of()) }}
    group by basis, customer_id
    having bool_or({{ held_at(as_of() ~ " - interval '30 days'") }})

),

first_members as (

    select
        basis,
        min(started_at) as first_at,
        count(*) filter (where ended_at < {{ as_of() }}) as ended
    from memberships
    group by basis

),

churn as (

    select
        customers.basis,
        count(*) as customers,
        count(*) filter (where not customers.is_still_there) as churned,
        bool_and({{ inactivity_is_known('first_members', as_of() ~ " - interval '30 days'") }}) as is_long_enough,
        max(first_members.ended) as ended
    from customers_30_days_ago as customers
    inner join first_members on customers.basis = first_members.basis
    group by customers.basis

),

first_purchases as (

    select min(ordered_at) <= {{ as_of() }} - interval '{{ var("inactivity_days") }} days' as is_long_enough
    from {{ ref('fct_orders') }}
    where is_purchase and customer_id is not null and {{ is_reportable('ordered_at') }}

),

repeat_purchases as (

    select repeat_purchase_rate, buyers_to_date
    from {{ ref('mart_repeat_purchase_monthly') }}
    order by month desc
    limit 1

),

conversations as (

    select
        {{ percentile(0.5, 'first_reply_minutes') }} as first_reply_minutes,
        count(first_reply_minutes) as replied,
        {{ percentile(0.5, 'full_resolution_minutes') }} as full_resolution_minutes,
        count(full_resolution_minutes) as resolved
    from {{ ref('fct_conversations') }}
    where created_at > {{ as_of() }} - interval '30 days' and {{ is_reportable('created_at') }}

),

revenue as (

    select currency, sum(revenue) as revenue, count(*) filter (where is_purchase) as orders
    from {{ ref('fct_orders') }}
    where
        (is_purchase or revenue is not null) and ordered_at > {{ as_of() }} - interval '30 days'
        and {{ is_reportable('ordered_at') }}
    group by currency

),

headlines as (

    select
        'nps_90d' as metric,
        (select nps_90d from nps) as value,
        (select responses_90d from nps) as n,
        'no_answers' as reason
    union all
    select
        'nps_90d_margin_of_error',
        (select margin_of_error_90d from nps),
        (select responses_90d from nps),
        case when (select responses_90d from nps) = 1 then 'one_answer' else 'no_answers' end
    union all
    select
        'csat_90d',
        (select csat_90d from csat where scale = '1-5'),
        (select responses_90d from csat where scale = '1-5'),
        'no_answers'
    union all
    select
        'csat_good_bad_90d',
        (select csat_90d from csat where scale = 'good_bad'),
        (select responses_90d from csat where scale = 'good_bad'),
        'no_answers'
    union all
    select 'ces_90d', (select ces_90d from ces), (select responses_90d from ces), 'no_answers'
    union all
    select
        'churn_rate_30d',
        (select {{ share('churned', 'customers') }} from churn where basis = 'contractual' and ended > 0),
        (select customers from churn where basis = 'contractual'),
        case when exists (select 1 from churn where basis = 'contractual') then 'no_end_on_record' else 'no_customers' end
    union all
    select
        'inactivity_churn_rate_30d',
        (select {{ share('churned', 'customers') }} from churn where basis = 'non_contractual' and is_long_enough),
        (select customers from churn where basis = 'non_contractual'),
        case
            when exists (select 1 from first_members where basis = 'non_contractual') then 'history_too_short'
            else 'no_customers'
        end
    union all
    select
        'repeat_purchase_rate',
        (select repeat_purchase_rate from repeat_purchases where (select is_long_enough from first_purchases)),
        (select buyers_to_date from repeat_purchases),
        case when exists (select 1 from repeat_purchases) then 'history_too_short' else 'no_customers' end
    union all
    select 'first_reply_minutes_median_30d', first_reply_minutes, replied, 'no_replies' from conversations
    union all
    select 'full_resolution_minutes_median_30d', full_resolution_minutes, resolved, 'no_solutions' from conversations
    union all
    select 'revenue_30d_' || currency, revenue, orders, 'no_amounts' from revenue

),

final as (

    select
        metric,
        {{ as_of() }} as as_of,
        value::numeric as value,
        coalesce(n, 0)::integer as n,
        case when value is null then reason end as reason
    from headlines

)

select * from final

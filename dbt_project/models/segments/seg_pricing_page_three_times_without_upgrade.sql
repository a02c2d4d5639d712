with visits as (
    select
        customer_id,
        sum(cardinality(array_positions(paths, '/pricing'))) as pricing_page_views,
        sum(plan_upgrades) as upgrades
    from {{ ref('fct_web_sessions') }}
    where started_at > {{ as_of() }} - interval '30 days' and started_at <= {{ as_of() }}
    group by customer_id
),

conditions as (
    select
        customers.customer_id,
        customers.plan,
        visits.pricing_page_views,
        coalesce(visits.pricing_page_views, 0) >= 3 as has_seen_pricing_three_times,
        coalesce(visits.upgrades, 0) = 0 as is_without_upgrade
    from {{ ref('dim_customers') }} as customers
    left join visits on customers.customer_id = visits.customer_id
)

select customer_id, plan, pricing_page_views
from conditions
where has_seen_pricing_three_times and is_without_upgrade

with ordered as (

    select currency, sum(amount) as revenue, count(*) as orders
    from {{ ref('int_orders_unioned') }}
    where status = 'paid' and {{ is_reportable('ordered_at') }}
    group by currency

),

reported as (

    select currency, sum(revenue) as revenue, sum(orders) as orders
    from {{ ref('mart_revenue_daily') }}
    where orders > 0
    group by currency

)

select *
from ordered
full join reported on ordered.currency = reported.currency
where
    ordered.revenue is distinct from reported.revenue
    or ordered.orders is distinct from reported.orders

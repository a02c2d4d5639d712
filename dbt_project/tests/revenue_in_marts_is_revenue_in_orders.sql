with ordered as (

    select
        coalesce({{ currency_code('currency') }}, 'XXX') as currency,
        sum(amount) filter (where status = 'paid' or amount < 0) as revenue,
        count(*) filter (where status = 'paid' and (amount < 0) is not true) as orders
    from {{ ref('int_orders_unioned') }}
    where status in ('paid', 'refunded') and {{ is_reportable('ordered_at') }}
    group by 1

),

reported as (

    select currency, sum(revenue) as revenue, sum(orders) as orders
    from {{ ref('mart_revenue_daily') }}
    group by currency

)

select *
from ordered
full join reported on ordered.currency = reported.currency
where
    ordered.revenue is distinct from reported.revenue
    or ordered.orders is distinct from reported.orders

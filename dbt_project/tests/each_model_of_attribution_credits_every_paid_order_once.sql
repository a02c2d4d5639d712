with ordered as (

    select order_date, currency, count(*) as orders, sum(revenue) as revenue
    from {{ ref('fct_orders') }}
    where is_purchase and {{ is_reportable('ordered_at') }}
    group by order_date, currency

),

models as (

    select distinct model from {{ ref('mart_attribution_daily') }}

),

credited as (

    select model, order_date, currency, sum(orders) as orders, sum(revenue) as revenue
    from {{ ref('mart_attribution_daily') }}
    group by model, order_date, currency

)

select *
from ordered
cross join models
full join credited using (model, order_date, currency)
where
    ordered.orders is distinct from credited.orders
    or coalesce(ordered.revenue, 0) is distinct from credited.revenue

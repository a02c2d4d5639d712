with orders as (

    select
        *,
        min({{ local_month('ordered_at') }}) filter (where is_purchase) over (partition by customer_id) as first_month
    from {{ ref('fct_orders') }}
    where customer_id is not null and {{ is_reportable('ordered_at') }}

),

paid as (

    select currency, sum(revenue) as revenue
    from orders
    where {{ local_month('ordered_at') }} >= first_month
    group by currency

),

earned as (

    select currency, sum(revenue) as revenue
    from {{ ref('mart_clv_monthly') }}
    group by currency

)

select *
from paid
full join earned using (currency)
where coalesce(paid.revenue, 0) is distinct from coalesce(earned.revenue, 0)

with paid as (

    select currency, sum(amount) as revenue
    from {{ ref('fct_orders') }}
    where status = 'paid' and customer_id is not null and {{ is_reportable('ordered_at') }}
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
where coalesce(paid.revenue, 0) is distinct from earned.revenue

with orders as (

    select count(distinct customer_id) as buyers, count(*) as orders
    from {{ ref('fct_orders') }}
    where is_purchase and customer_id is not null and {{ is_reportable('ordered_at') }}

),

months as (

    select coalesce(sum(new_buyers), 0) as buyers, coalesce(sum(orders), 0) as orders
    from {{ ref('mart_repeat_purchase_monthly') }}

)

select *
from orders
cross join months
where orders.buyers <> months.buyers or orders.orders <> months.orders

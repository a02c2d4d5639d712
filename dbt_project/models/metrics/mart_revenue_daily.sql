with orders as (

    select * from {{ ref('fct_orders') }}
    where {{ is_reportable('ordered_at') }}

),

by_day as (

    select
        order_date,
        currency,
        (count(*) filter (where is_purchase))::integer as orders,
        (count(distinct customer_id) filter (where is_purchase))::integer as buyers,
        sum(revenue) as revenue,
        round(avg(amount) filter (where is_purchase), 4) as average_order_value,
        (count(*) filter (where is_refund))::integer as refunded_orders,
        sum(abs(amount)) filter (where is_refund) as refunded
    from orders
    where is_purchase or is_refund
    group by order_date, currency

),

final as (

    select
        by_day.*,
        {{ rate_on('by_day.currency', 'by_day.order_date') }} as exchange_rate,
        round(by_day.revenue * {{ rate_on('by_day.currency', 'by_day.order_date') }}, 2) as revenue_in_company_currency
    from by_day

)

select * from final

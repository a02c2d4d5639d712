with orders as (

    select * from {{ ref('fct_orders') }}
    where {{ is_reportable('ordered_at') }}

),

by_day as (

    select
        order_date,
        currency,
        (count(*) filter (where status = 'paid'))::integer as orders,
        (count(distinct customer_id) filter (where status = 'paid'))::integer as buyers,
        sum(amount) filter (where status = 'paid') as revenue,
        round(avg(amount) filter (where status = 'paid'), 4) as average_order_value,
        (count(*) filter (where status = 'refunded'))::integer as refunded_orders,
        sum(amount) filter (where status = 'refunded') as refunded
    from orders
    where status in ('paid', 'refunded')
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

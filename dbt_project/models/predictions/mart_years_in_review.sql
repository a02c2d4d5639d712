with customers as (

    select * from {{ ref('dim_customers') }}

),

anniversaries as (

    select
        customer_id,
        {{ local_date('first_seen_at') }} as first_date,
        extract(year from age({{ local_date(as_of()) }}, {{ local_date('first_seen_at') }}))::integer as years
    from customers
    where first_seen_at >= timestamptz '1990-01-01T00:00:00Z' and first_seen_at <= {{ as_of() }}

),

years as (

    select
        customer_id,
        first_date,
        years,
        (first_date + make_interval(years => years - 1))::date as begun_on,
        (first_date + make_interval(years => years))::date as ended_on
    from anniversaries
    where years >= 1

),

paid_orders as (

    select orders.*
    from {{ ref('fct_orders') }} as orders
    inner join years on orders.customer_id = years.customer_id
    where orders.is_purchase and orders.order_date >= years.begun_on and orders.order_date < years.ended_on

),

revenues as (

    select distinct on (customer_id) customer_id, currency, sum(amount) as revenue, max(amount) as largest_order
    from paid_orders
    where currency <> 'XXX'
    group by customer_id, currency
    order by customer_id, count(*) desc, currency

),

orders as (

    select
        customer_id,
        count(*)::integer as orders,
        count(distinct product_id)::integer as products,
        mode() within group (order by product_name) as favourite_product,
        mode() within group (order by category) as favourite_category,
        mode() within group (order by extract(month from order_date)::integer) as busiest_month
    from paid_orders
    group by customer_id

),

touchpoints as (

    select
        years.customer_id,
        count(*) filter (where touchpoints.kind = 'web_session')::integer as visits,
        count(*) filter (where touchpoints.kind = 'conversation')::integer as conversations,
        count(*) filter (where touchpoints.kind = 'survey_response')::integer as answers,
        count(distinct {{ local_date('touchpoints.occurred_at') }})::integer as active_days
    from years
    inner join {{ ref('fct_touchpoints') }} as touchpoints on years.customer_id = touchpoints.customer_id
    where
        touchpoints.kind not in ('message', 'consent')
        and not (touchpoints.kind = 'order' and touchpoints.status = 'refunded')
        and {{ local_date('touchpoints.occurred_at') }} >= years.begun_on
        and {{ local_date('touchpoints.occurred_at') }} < years.ended_on
    group by years.customer_id

),

final as (

    select
        years.customer_id,
        {{ start_of_local_day('years.ended_on') }} as year_ended_at,
        years.years,
        coalesce(orders.orders, 0) as orders,
        coalesce(orders.products, 0) as products,
        revenues.revenue,
        revenues.currency,
        revenues.largest_order,
        orders.favourite_product,
        orders.favourite_category,
        orders.busiest_month,
        coalesce(touchpoints.visits, 0) as visits,
        coalesce(touchpoints.conversations, 0) as conversations,
        coalesce(touchpoints.answers, 0) as answers,
        coalesce(touchpoints.active_days, 0) as active_days
    from years
    left join orders on years.customer_id = orders.customer_id
    left join revenues on years.customer_id = revenues.customer_id
    left join touchpoints on years.customer_id = touchpoints.customer_id

)

select * from final

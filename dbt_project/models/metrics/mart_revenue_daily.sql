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

rates as (

    select * from {{ ref('exchange_rates') }}

),

-- The last rate up to each day. Without a rate nothing is converted.
days_and_rates as (

    select currency, order_date as day, null::date as valid_from
    from by_day
    union all
    select currency, valid_from, valid_from
    from rates

),

valid_rates as (

    select
        currency,
        day,
        valid_from is null as is_day,
        max(valid_from) over (partition by currency order by day) as valid_from
    from days_and_rates

),

rated as (

    select
        by_day.*,
        case
            when by_day.currency = {{ text_literal(var('company').get('currency') or 'XXX') }} then 1
            else rates.rate
        end as exchange_rate
    from by_day
    inner join valid_rates
        on by_day.currency = valid_rates.currency and by_day.order_date = valid_rates.day and valid_rates.is_day
    left join rates
        on valid_rates.currency = rates.currency and valid_rates.valid_from = rates.valid_from

),

final as (

    select
        *,
        round(revenue * exchange_rate, 2) as revenue_in_company_currency
    from rated

)

select * from final

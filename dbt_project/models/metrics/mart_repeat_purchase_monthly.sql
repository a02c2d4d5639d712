with orders as (

    select customer_id, {{ local_month('ordered_at') }} as month, paid_order_number
    from {{ ref('fct_orders') }}
    where is_purchase and customer_id is not null and {{ is_reportable('ordered_at') }}

),

months as (

    select month_start::date as month
    from (select min(month) as first_month from orders) as first_months
    cross join lateral generate_series(
        first_month::timestamp, {{ local_month(as_of()) }}::timestamp, interval '1 month'
    ) as month_start

),

ranked as (

    select
        *,
        row_number() over (partition by customer_id order by paid_order_number) as place
    from orders

),

by_month as (

    select
        months.month,
        count(ranked.place)::integer as orders,
        count(distinct ranked.customer_id)::integer as buyers,
        (count(*) filter (where ranked.place = 1))::integer as new_buyers,
        (count(*) filter (where ranked.place = 2))::integer as new_repeat_buyers
    from months
    left join ranked on months.month = ranked.month
    group by months.month

),

final as (

    select
        month,
        orders,
        buyers,
        new_buyers,
        buyers - new_buyers as returning_buyers,
        (sum(new_buyers) over (order by month))::integer as buyers_to_date,
        (sum(new_repeat_buyers) over (order by month))::integer as repeat_buyers_to_date,
        {{ share('sum(new_repeat_buyers) over (order by month)', 'sum(new_buyers) over (order by month)') }}
            as repeat_purchase_rate
    from by_month

)

select * from final

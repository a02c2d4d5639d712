{%- set stages = ['aware', 'interested', 'intending', 'bought', 'bought_again'] %}

with customers as (

    select * from {{ ref('dim_customers') }}
    where {{ is_reportable('first_seen_at') }}

),

visits as (

    select
        customer_id,
        bool_or(product_views > 0) as has_viewed,
        bool_or(cart_adds > 0 or checkouts > 0) as has_cart
    from {{ ref('fct_web_sessions') }}
    where {{ is_reportable('started_at') }}
    group by customer_id

),

depths as (

    select
        {{ local_month('customers.first_seen_at') }} as month,
        case
            when customers.orders > 1 then 5
            when customers.orders = 1 then 4
            when visits.has_cart then 3
            when visits.has_viewed then 2
            else 1
        end as depth
    from customers
    left join visits on customers.customer_id = visits.customer_id

),

counted as (

    select
        depths.month,
        stage.place,
        stage.name as stage,
        (count(*) filter (where depths.depth >= stage.place))::integer as customers
    from depths
    cross join (
        values
        {%- for stage in stages %}
        ({{ loop.index }}, '{{ stage }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as stage (place, name)
    group by depths.month, stage.place, stage.name

),

final as (

    select
        month,
        stage,
        place,
        customers,
        {{ share('customers', 'lag(customers) over (partition by month order by place)') }} as share_of_previous,
        {{ share('customers', 'first_value(customers) over (partition by month order by place)') }} as share_of_first
    from counted

)

select * from final

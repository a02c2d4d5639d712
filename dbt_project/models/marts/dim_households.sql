with members as (

    select * from {{ ref('int_customer_households_anchored') }}

),

final as (

    select
        members.household_id,
        count(*)::integer as customers,
        min(dim_customers.country) as country,
        min(dim_customers.city) as city,
        sum(dim_customers.orders)::integer as orders,
        min(dim_customers.first_seen_at) as first_seen_at,
        max(dim_customers.last_seen_at) as last_seen_at
    from members
    inner join {{ ref('dim_customers') }} as dim_customers
        on members.customer_id = dim_customers.customer_id
    group by members.household_id

)

select * from final

with customers as (

    select * from {{ ref('dim_customers') }}

),

attributes as (

    select
        customers.customer_id,
        attribute.dimension,
        attribute.slice
    from customers
    cross join lateral (
        values
        ('country', customers.country),
        ('plan', customers.plan),
        ('cohort', to_char(customers.first_ordered_at at time zone {{ company_time_zone() }}, 'YYYY-MM'))
    ) as attribute (dimension, slice)
    where attribute.slice is not null

),

memberships as (

    select
        customer_id,
        'segment' as dimension,
        segment as slice
    from {{ source('activation', 'membership') }}
    where entered_at < {{ as_of() }} and (left_at is null or left_at >= {{ as_of() }})

),

personas as (

    select
        customer_id,
        'persona' as dimension,
        persona as slice
    from {{ source('predictions', 'persona_stays') }}
    where since < {{ as_of() }} and (until is null or until >= {{ as_of() }})

),

final as (

    select * from attributes
    union all
    select * from memberships
    union all
    select * from personas

)

select * from final

with orders as (

    select * from {{ ref('int_orders_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

final as (

    select
        orders.source,
        orders.order_id,
        members.customer_id,
        orders.ordered_at,
        {{ local_date('orders.ordered_at') }} as order_date,
        orders.status,
        orders.amount,
        coalesce(orders.currency, 'XXX') as currency,
        orders.quantity,
        orders.product_id,
        orders.product_name,
        orders.category,
        case
            when orders.status = 'paid' and members.customer_id is not null
                then (row_number() over (
                    partition by members.customer_id, orders.status
                    order by orders.ordered_at, orders.source, orders.order_id
                ))::integer
        end as paid_order_number
    from orders
    left join members on orders.profile_id = members.profile_id

)

select * from final

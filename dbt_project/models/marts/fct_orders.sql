with orders as (

    select
        *,
        {{ is_purchase('status', 'amount') }} as is_purchase,
        {{ is_refund('status', 'amount') }} as is_refund
    from {{ ref('int_orders_unioned') }}

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
        coalesce({{ currency_code('orders.currency') }}, 'XXX') as currency,
        orders.quantity,
        orders.product_id,
        orders.product_name,
        orders.category,
        case
            when orders.is_purchase and members.customer_id is not null
                then (row_number() over (
                    partition by members.customer_id, orders.is_purchase
                    order by orders.ordered_at, orders.source, orders.order_id
                ))::integer
        end as paid_order_number,
        orders.is_purchase,
        orders.is_refund,
        {{ revenue_of('orders.status', 'orders.amount') }} as revenue
    from orders
    left join members on orders.profile_id = members.profile_id

)

select * from final

with payments as (

    select * from {{ ref('int_payments_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

final as (

    select
        payments.source,
        payments.payment_id,
        members.customer_id,
        payments.subscription_id,
        payments.status,
        payments.amount,
        {{ currency_code('payments.currency') }} as currency,
        payments.attempted_at,
        payments.failure_reason
    from payments
    left join members on payments.profile_id = members.profile_id

)

select * from final

with payments as (

    select
        *,
        {{ local_date('attempted_at') }} as payment_date,
        status = 'succeeded' and (amount < 0) is not true as is_received,
        status = 'refunded' or (status = 'succeeded' and amount < 0) as is_refund
    from {{ ref('fct_payments') }}
    where {{ is_reportable('attempted_at') }}

),

final as (

    select
        payment_date,
        coalesce(currency, 'XXX') as currency,
        (count(*) filter (where is_received))::integer as succeeded,
        coalesce(sum(amount) filter (where is_received), 0) as received,
        (count(*) filter (where status = 'failed'))::integer as failed,
        coalesce(sum(amount) filter (where status = 'failed'), 0) as refused,
        (count(*) filter (where is_refund))::integer as refunds,
        coalesce(sum(abs(amount)) filter (where is_refund), 0) as refunded,
        coalesce(sum(case when is_received then amount when is_refund then -abs(amount) end), 0) as net_received
    from payments
    group by payment_date, coalesce(currency, 'XXX')

)

select * from final

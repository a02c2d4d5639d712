with payments as (

    select *, {{ local_date('attempted_at') }} as payment_date
    from {{ ref('fct_payments') }}
    where {{ is_reportable('attempted_at') }}

),

final as (

    select
        payment_date,
        coalesce(currency, 'XXX') as currency,
        (count(*) filter (where status = 'succeeded'))::integer as succeeded,
        coalesce(sum(amount) filter (where status = 'succeeded'), 0) as received,
        (count(*) filter (where status = 'failed'))::integer as failed,
        coalesce(sum(amount) filter (where status = 'failed'), 0) as refused,
        (count(*) filter (where status = 'refunded'))::integer as refunds,
        coalesce(sum(amount) filter (where status = 'refunded'), 0) as refunded,
        coalesce(sum(case status when 'succeeded' then amount when 'refunded' then -amount end), 0) as net_received
    from payments
    group by payment_date, coalesce(currency, 'XXX')

)

select * from final

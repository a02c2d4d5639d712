with receipts as (

    select * from {{ source('activation_ledger', 'receipts') }}

),

nights as (

    select run_id, {{ local_date('as_of') }} as night_date
    from {{ source('ops', 'nights') }}
    where as_of < {{ as_of() }}

),

final as (

    select
        nights.night_date,
        receipts.destination,
        receipts.segment,
        receipts.channel,
        receipts.purpose,
        receipts.op,
        count(distinct receipts.customer_id)::integer as people
    from receipts
    inner join nights on receipts.run_id = nights.run_id
    group by
        nights.night_date, receipts.destination, receipts.segment, receipts.channel, receipts.purpose, receipts.op

)

select * from final

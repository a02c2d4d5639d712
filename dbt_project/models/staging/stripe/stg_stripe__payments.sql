with charges as (

    select * from {{ source('stripe', 'charges') }}
    where is_latest and not is_deleted

),

invoices as (

    select record_key as invoice_id, payload ->> 'subscription' as subscription_id
    from {{ source('stripe', 'invoices') }}
    where is_latest and not is_deleted

),

final as (

    select
        'stripe' as source,
        'stripe:customers:' || vendor.customer as profile_id,
        charges.record_key as payment_id,
        invoices.subscription_id,
        case
            when {{ try_boolean('vendor.refunded') }} then 'refunded'
            else {{ meaning('payments', 'status', 'vendor.status') }}
        end as status,
        {{ major_units('vendor.amount', 'vendor.currency') }} as amount,
        upper({{ clean_text('vendor.currency') }}) as currency,
        {{ try_formatted_timestamp('vendor.created', 'epoch_s') }} as attempted_at,
        {{ clean_text('vendor.failure_code') }} as failure_reason
    from charges
    cross join lateral jsonb_to_record({{ json_object('charges.payload') }}) as vendor (
        customer text, invoice text, status text, refunded text, amount text, currency text,
        created text, failure_code text
    )
    left join invoices on vendor.invoice = invoices.invoice_id

)

select * from final

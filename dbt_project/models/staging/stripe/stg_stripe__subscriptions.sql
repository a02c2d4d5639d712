with subscriptions as (

    select * from {{ versions_with_deleted(source('stripe', 'subscriptions')) }} as versions

),

extracted as (

    select
        subscriptions.record_key as subscription_id,
        subscriptions.deleted_at,
        vendor.*,
        vendor.items #> '{data,0,price}' as price
    from subscriptions
    cross join lateral jsonb_to_record({{ json_object('subscriptions.payload') }}) as vendor (
        customer text, status text, created text, start_date text, canceled_at text, ended_at text,
        current_period_end text, items jsonb
    )

),

final as (

    select
        'stripe' as source,
        'stripe:customers:' || customer as profile_id,
        subscription_id,
        coalesce({{ clean_text("price ->> 'nickname'") }}, {{ clean_text("price ->> 'id'") }}) as plan,
        {{ meaning('subscriptions', 'status', 'status') }} as status,
        {{ try_formatted_timestamp('coalesce(start_date, created)', 'epoch_s') }} as started_at,
        case
            when {{ meaning('subscriptions', 'status', 'status') }} = 'cancelled'
                then {{ try_formatted_timestamp('coalesce(ended_at, canceled_at)', 'epoch_s') }}
        end as cancelled_at,
        case
            when {{ meaning('subscriptions', 'status', 'status') }} <> 'cancelled'
                then {{ try_formatted_timestamp('current_period_end', 'epoch_s') }}
        end as renews_at,
        {{ major_units("price ->> 'unit_amount'", "price ->> 'currency'") }} as amount,
        upper({{ clean_text("price ->> 'currency'") }}) as currency,
        {{ try_formatted_timestamp('coalesce(ended_at, canceled_at, start_date, created)', 'epoch_s') }} as updated_at,
        deleted_at
    from extracted

)

select * from final

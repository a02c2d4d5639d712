{{ config(materialized='ephemeral') }}

with customers as (

    select * from {{ source('stripe', 'customers') }}
    where is_latest and not is_deleted

),

final as (

    select
        customers.record_key as vendor_id,
        'stripe:customers:' || customers.record_key as profile_id,
        {{ clean_text('vendor.email') }} as email,
        {{ clean_text('vendor.phone') }} as phone,
        {{ clean_text("vendor.metadata ->> 'user_id'") }} as user_id,
        {{ clean_text('vendor.name') }} as full_name,
        {{ clean_text("vendor.address ->> 'line1'") }} as street,
        {{ clean_text("vendor.address ->> 'postal_code'") }} as postal_code,
        {{ clean_text("vendor.address ->> 'city'") }} as city,
        {{ clean_text("vendor.address ->> 'state'") }} as region,
        upper({{ clean_text("vendor.address ->> 'country'") }}) as country,
        {{ clean_text('vendor.preferred_locales ->> 0') }} as language,
        {{ try_formatted_timestamp('vendor.created', 'epoch_s') }} as created_at,
        {{ try_formatted_timestamp('vendor.created', 'epoch_s') }} as updated_at,
        customers.first_as_of
    from customers
    cross join lateral jsonb_to_record({{ json_object('customers.payload') }}) as vendor (
        email text, phone text, metadata jsonb, name text, address jsonb, preferred_locales jsonb,
        created text, deleted text
    )
    where not coalesce({{ try_boolean('vendor.deleted') }}, false)

)

select * from final

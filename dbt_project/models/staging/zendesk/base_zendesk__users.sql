{{ config(materialized='ephemeral') }}

with users as (

    select * from {{ source('zendesk', 'users') }}
    where is_latest and not is_deleted

),

final as (

    select
        record_key as vendor_id,
        'zendesk:users:' || record_key as profile_id,
        coalesce({{ try_boolean('vendor.active') }}, true) as is_active,
        coalesce({{ try_boolean('vendor.verified') }}, false) as is_verified,
        {{ clean_text('vendor.name') }} as full_name,
        {{ clean_text('vendor.email') }} as email,
        {{ clean_text('vendor.phone') }} as phone,
        {{ clean_text('vendor.external_id') }} as user_id,
        {{ clean_text('vendor.locale') }} as language,
        {{ try_timestamp('vendor.created_at') }} as created_at,
        {{ try_timestamp('vendor.updated_at') }} as updated_at,
        first_as_of
    from users
    cross join lateral jsonb_to_record({{ json_object('payload') }}) as vendor (
        role text, active text, verified text, name text, email text, phone text,
        external_id text, locale text, created_at text, updated_at text
    )
    where coalesce(vendor.role, 'end-user') = 'end-user'

)

select * from final

{{ config(materialized='ephemeral') }}

with contacts as (

    select * from {{ source('intercom', 'contacts') }}
    where is_latest and not is_deleted

),

final as (

    select
        contacts.record_key as vendor_id,
        'intercom:contacts:' || contacts.record_key as profile_id,
        {{ clean_text('vendor.email') }} as email,
        {{ clean_text('vendor.phone') }} as phone,
        case when vendor.external_id !~ '^c_[0-9a-f]{20}$' then {{ clean_text('vendor.external_id') }} end as user_id,
        {{ clean_text('vendor.name') }} as full_name,
        {{ clean_text("vendor.location ->> 'country_code'") }} as country,
        {{ clean_text("vendor.location ->> 'city'") }} as city,
        {{ clean_text('vendor.language_override') }} as language,
        {{ clean_text('vendor.role') }} as role,
        coalesce({{ try_boolean('vendor.unsubscribed_from_emails') }}, false) as is_unsubscribed,
        {{ try_formatted_timestamp('vendor.created_at', 'epoch_s') }} as created_at,
        {{ try_formatted_timestamp('vendor.updated_at', 'epoch_s') }} as updated_at,
        contacts.first_as_of
    from contacts
    cross join lateral jsonb_to_record({{ json_object('contacts.payload') }}) as vendor (
        email text, phone text, external_id text, name text, location jsonb, language_override text,
        role text, unsubscribed_from_emails text, archived text, created_at text, updated_at text
    )
    where not coalesce({{ try_boolean('vendor.archived') }}, false)

)

select * from final

{{ config(materialized='ephemeral') }}

with contacts as (

    select * from {{ source('hubspot', 'contacts') }}
    where is_latest and not is_deleted

),

final as (

    select
        record_key as vendor_id,
        'hubspot:contacts:' || record_key as profile_id,
        coalesce({{ try_boolean('vendor.archived') }}, false) as is_archived,
        {{ clean_text('properties.email') }} as email,
        {{ clean_text('properties.hs_additional_emails') }} as additional_emails,
        {{ clean_text('properties.phone') }} as phone,
        {{ clean_text('properties.mobilephone') }} as mobile_phone,
        {{ clean_text('properties.app_user_id') }} as user_id,
        {{ clean_text('properties.firstname') }} as first_name,
        {{ clean_text('properties.lastname') }} as last_name,
        {{ try_birth_date('properties.date_of_birth') }} as birth_date,
        {{ clean_text('properties.address') }} as street,
        {{ clean_text('properties.zip') }} as postal_code,
        {{ clean_text('properties.city') }} as city,
        {{ clean_text('properties.state') }} as region,
        upper({{ clean_text('properties.country') }}) as country,
        {{ clean_text('properties.company') }} as company_name,
        {{ clean_text('properties.jobtitle') }} as job_title,
        {{ clean_text('properties.hs_language') }} as language,
        lower({{ clean_text('properties.lifecyclestage') }}) as lifecycle_stage,
        {{ try_boolean('properties.hs_email_optout') }} as has_opted_out_of_email,
        {{ clean_text('properties.hs_merged_object_ids') }} as merged_ids,
        {{ try_timestamp('coalesce(properties.createdate, vendor."createdAt")') }} as created_at,
        {{ try_timestamp('coalesce(properties.lastmodifieddate, vendor."updatedAt")') }} as updated_at,
        first_as_of
    from contacts
    cross join lateral jsonb_to_record({{ json_object('payload') }}) as vendor (
        properties jsonb, archived text, "createdAt" text, "updatedAt" text
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.properties') }}) as properties (
        email text, hs_additional_emails text, phone text, mobilephone text, app_user_id text,
        firstname text, lastname text, date_of_birth text, address text, zip text, city text,
        state text, country text, company text, jobtitle text, hs_language text,
        lifecyclestage text, hs_email_optout text, hs_merged_object_ids text, createdate text,
        lastmodifieddate text
    )

)

select * from final

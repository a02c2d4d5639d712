with contacts as (

    select
        record_key,
        payload,
        {{ json_object("payload -> 'fields'") }} as known,
        {{ json_object("payload #> '{company,fields}'") }} as company
    from {{ source('acquire', 'contacts') }}
    where is_latest and not is_deleted

),

final as (

    select
        'acquire' as source,
        'acquire:contacts:' || record_key as profile_id,
        record_key as vendor_id,
        {{ clean_text("known ->> 'email'") }} as email,
        '{}'::text[] as additional_emails,
        {{ clean_text("known ->> 'phone'") }} as phone,
        '{}'::text[] as additional_phones,
        null::text as user_id,
        {{ clean_text("known ->> 'name'") }} as full_name,
        null::text as first_name,
        null::text as last_name,
        upper({{ clean_text("known #>> '{country,cca2}'") }}) as country,
        {{ clean_text("known ->> 'city'") }} as city,
        {{ clean_text("company ->> 'name'") }} as company_name,
        {{ clean_text("company ->> 'website'") }} as company_domain,
        null::text as job_title,
        null::text as language,
        null::text as lifecycle_stage,
        {{ try_timestamp("payload ->> 'dateCreated'") }} as created_at,
        {{ try_timestamp("coalesce(payload ->> 'dateUpdated', payload ->> 'dateCreated')") }} as updated_at
    from contacts

)

select * from final

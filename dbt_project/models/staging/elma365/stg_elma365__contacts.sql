with contacts as (

    select
        record_key,
        payload,
        {{ json_object("payload -> 'rapport'") }} as meant
    from {{ source('elma365', 'contacts') }}
    where is_latest and not is_deleted and payload ->> '__deletedAt' is null

),

final as (

    select
        'elma365' as source,
        'elma365:contacts:' || record_key as profile_id,
        record_key as vendor_id,
        {{ clean_text("meant #>> '{emails,0}'") }} as email,
        array(select jsonb_array_elements_text({{ json_array("meant -> 'emails'") }} - 0)) as additional_emails,
        {{ clean_text("meant #>> '{phones,0}'") }} as phone,
        array(select jsonb_array_elements_text({{ json_array("meant -> 'phones'") }} - 0)) as additional_phones,
        {{ clean_text("meant ->> 'user_id'") }} as user_id,
        {{ clean_text("meant ->> 'name'") }} as full_name,
        null::text as first_name,
        null::text as last_name,
        null::text as country,
        null::text as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        null::text as language,
        null::text as lifecycle_stage,
        {{ try_timestamp("payload ->> '__createdAt'") }} as created_at,
        {{ try_timestamp("payload ->> '__updatedAt'") }} as updated_at
    from contacts

)

select * from final

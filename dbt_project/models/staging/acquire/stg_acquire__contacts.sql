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
        {{ clean_text("known ->> 'phone'") }} as phone,
        {{ clean_text("known ->> 'name'") }} as full_name,
        upper({{ clean_text("known #>> '{country,cca2}'") }}) as country,
        {{ clean_text("known ->> 'city'") }} as city,
        {{ clean_text("company ->> 'name'") }} as company_name,
        {{ clean_text("company ->> 'website'") }} as company_domain,
        {{ try_timestamp("payload ->> 'dateCreated'") }} as created_at,
        {{ try_timestamp("coalesce(payload ->> 'dateUpdated', payload ->> 'dateCreated')") }} as updated_at
    from contacts

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'user_id', 'first_name', 'last_name',
    'birth_date', 'street', 'postal_code', 'region', 'job_title', 'language', 'lifecycle_stage',
]) }}

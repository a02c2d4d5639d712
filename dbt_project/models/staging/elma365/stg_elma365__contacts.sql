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
        {{ try_birth_date("(meant ->> 'birth_date')") }} as birth_date,
        {{ clean_text("meant ->> 'street'") }} as street,
        {{ clean_text("meant ->> 'postal_code'") }} as postal_code,
        {{ clean_text("meant ->> 'region'") }} as region,
        {{ try_timestamp("payload ->> '__createdAt'") }} as created_at,
        {{ try_timestamp("payload ->> '__updatedAt'") }} as updated_at
    from contacts

)

{{ conform('contacts', 'final', absent=[
    'first_name', 'last_name', 'city', 'country', 'company_name', 'company_domain', 'job_title',
    'language', 'lifecycle_stage',
]) }}

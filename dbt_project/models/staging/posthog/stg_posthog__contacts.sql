with persons as (

    select * from {{ source('posthog', 'persons') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        persons.record_key,
        {{ clean_text("vendor.properties ->> 'email'") }} as email,
        {{ clean_text("vendor.properties ->> 'phone'") }} as phone,
        {{ clean_text("vendor.properties ->> 'name'") }} as full_name,
        {{ try_timestamp('vendor.created_at') }} as created_at
    from persons
    cross join lateral jsonb_to_record({{ json_object('persons.payload') }}) as vendor (
        properties jsonb, created_at text
    )

),

final as (

    select
        'posthog' as source,
        'posthog:persons:' || record_key as profile_id,
        record_key as vendor_id,
        email,
        phone,
        full_name,
        created_at,
        created_at as updated_at
    from extracted
    where coalesce(email, phone, full_name) is not null

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'user_id', 'first_name', 'last_name',
    'birth_date', 'street', 'postal_code', 'city', 'region', 'country', 'company_name',
    'company_domain', 'job_title', 'language', 'lifecycle_stage',
]) }}

with responses as (

    select * from {{ source('surveymonkey', 'responses') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        responses.record_key,
        {{ clean_text("coalesce(nullif(vendor.email_address, ''), vendor.metadata #>> '{contact,email,value}')") }} as email,
        {{ clean_text("vendor.custom_variables ->> 'user_id'") }} as user_id,
        {{ clean_text("vendor.metadata #>> '{contact,first_name,value}'") }} as first_name,
        {{ clean_text("vendor.metadata #>> '{contact,last_name,value}'") }} as last_name,
        {{ try_timestamp('vendor.date_created') }} as created_at,
        {{ try_timestamp('vendor.date_modified') }} as updated_at
    from responses
    cross join lateral jsonb_to_record({{ json_object('responses.payload') }}) as vendor (
        email_address text, custom_variables jsonb, metadata jsonb, date_created text,
        date_modified text
    )

),

final as (

    select
        'surveymonkey' as source,
        'surveymonkey:respondents:' || record_key as profile_id,
        record_key as vendor_id,
        email,
        user_id,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name,
        last_name,
        created_at,
        updated_at
    from extracted
    where email is not null or user_id is not null

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'phone', 'additional_phones', 'birth_date', 'street', 'postal_code',
    'city', 'region', 'country', 'company_name', 'company_domain', 'job_title', 'language',
    'lifecycle_stage',
]) }}

with responses as (

    select * from {{ ref('base_qualtrics__responses') }}

),

final as (

    select
        'qualtrics' as source,
        'qualtrics:respondents:' || response_id as profile_id,
        response_id as vendor_id,
        email,
        user_id,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name,
        last_name,
        responded_at as created_at,
        responded_at as updated_at
    from responses
    where email is not null or user_id is not null

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'phone', 'additional_phones', 'birth_date', 'street', 'postal_code',
    'city', 'region', 'country', 'company_name', 'company_domain', 'job_title', 'language',
    'lifecycle_stage',
]) }}

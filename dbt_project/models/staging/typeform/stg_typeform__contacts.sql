with responses as (

    select * from {{ ref('base_typeform__responses') }}

),

final as (

    select
        'typeform' as source,
        'typeform:respondents:' || response_id as profile_id,
        response_id as vendor_id,
        email,
        user_id,
        responded_at as created_at,
        responded_at as updated_at
    from responses

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'phone', 'additional_phones', 'full_name', 'first_name', 'last_name',
    'birth_date', 'street', 'postal_code', 'city', 'region', 'country', 'company_name',
    'company_domain', 'job_title', 'language', 'lifecycle_stage',
]) }}

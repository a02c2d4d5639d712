with contacts as (

    select * from {{ ref('base_stripe__customers') }}

),

final as (

    select
        'stripe' as source,
        profile_id,
        vendor_id,
        email,
        phone,
        user_id as user_id,
        full_name as full_name,
        street,
        postal_code,
        city as city,
        region,
        country as country,
        language as language,
        created_at,
        updated_at
    from contacts

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'first_name', 'last_name', 'birth_date', 'company_name',
    'company_domain', 'job_title', 'lifecycle_stage',
]) }}

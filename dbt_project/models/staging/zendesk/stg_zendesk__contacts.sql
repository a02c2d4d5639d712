with users as (

    select * from {{ ref('base_zendesk__users') }}

),

final as (

    select
        'zendesk' as source,
        profile_id,
        vendor_id,
        email,
        phone,
        user_id,
        full_name,
        language,
        created_at,
        updated_at
    from users
    where is_active

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'first_name', 'last_name', 'birth_date', 'street',
    'postal_code', 'city', 'region', 'country', 'company_name', 'company_domain', 'job_title',
    'lifecycle_stage',
]) }}

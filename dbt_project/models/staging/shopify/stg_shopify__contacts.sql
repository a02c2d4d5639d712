with contacts as (

    select * from {{ ref('base_shopify__customers') }}

),

final as (

    select
        'shopify' as source,
        profile_id,
        vendor_id,
        email,
        phone,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name as first_name,
        last_name as last_name,
        street,
        postal_code,
        city as city,
        region,
        country as country,
        company_name as company_name,
        language as language,
        created_at,
        updated_at
    from contacts

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'user_id', 'birth_date', 'company_domain', 'job_title',
    'lifecycle_stage',
]) }}

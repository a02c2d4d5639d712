with contacts as (

    select * from {{ ref('base_intercom__contacts') }}

),

final as (

    select
        'intercom' as source,
        profile_id,
        vendor_id,
        email,
        phone,
        user_id as user_id,
        full_name as full_name,
        upper(country) as country,
        city as city,
        language as language,
        case role when 'lead' then 'lead' end as lifecycle_stage,
        created_at,
        updated_at
    from contacts

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'first_name', 'last_name', 'birth_date', 'street',
    'postal_code', 'region', 'company_name', 'company_domain', 'job_title',
]) }}

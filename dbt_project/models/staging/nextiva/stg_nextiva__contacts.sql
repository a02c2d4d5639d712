with workitems as (

    select * from {{ ref('base_nextiva__workitems') }}
    where profile_id is not null

),

final as (

    select
        'nextiva' as source,
        profile_id,
        profile_id as vendor_id,
        min(email) as email,
        min(phone) as phone,
        min(created_at) as created_at,
        max(updated_at) as updated_at
    from workitems
    group by profile_id

)

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'user_id', 'full_name', 'first_name', 'last_name',
    'birth_date', 'street', 'postal_code', 'city', 'region', 'country', 'company_name',
    'company_domain', 'job_title', 'language', 'lifecycle_stage',
]) }}

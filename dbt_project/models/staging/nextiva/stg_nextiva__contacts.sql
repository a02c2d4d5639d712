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
        '{}'::text[] as additional_emails,
        min(phone) as phone,
        '{}'::text[] as additional_phones,
        null::text as user_id,
        null::text as full_name,
        null::text as first_name,
        null::text as last_name,
        null::text as country,
        null::text as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        null::text as language,
        null::text as lifecycle_stage,
        min(created_at) as created_at,
        max(updated_at) as updated_at
    from workitems
    group by profile_id

)

select * from final

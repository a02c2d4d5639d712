with users as (

    select * from {{ ref('base_zendesk__users') }}

),

final as (

    select
        'zendesk' as source,
        profile_id,
        vendor_id,
        email,
        '{}'::text[] as additional_emails,
        phone,
        '{}'::text[] as additional_phones,
        user_id,
        full_name,
        null::text as first_name,
        null::text as last_name,
        null::text as country,
        null::text as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        language,
        null::text as lifecycle_stage,
        created_at,
        updated_at
    from users
    where is_active

)

select * from final

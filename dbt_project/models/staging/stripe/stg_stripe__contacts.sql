with contacts as (

    select * from {{ ref('base_stripe__customers') }}

),

final as (

    select
        'stripe' as source,
        profile_id,
        vendor_id,
        email,
        '{}'::text[] as additional_emails,
        phone,
        '{}'::text[] as additional_phones,
        user_id as user_id,
        full_name as full_name,
        null::text as first_name,
        null::text as last_name,
        country as country,
        city as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        language as language,
        null::text as lifecycle_stage,
        created_at,
        updated_at
    from contacts

)

select * from final

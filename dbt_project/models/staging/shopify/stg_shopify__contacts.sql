with contacts as (

    select * from {{ ref('base_shopify__customers') }}

),

final as (

    select
        'shopify' as source,
        profile_id,
        vendor_id,
        email,
        '{}'::text[] as additional_emails,
        phone,
        '{}'::text[] as additional_phones,
        null::text as user_id,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name as first_name,
        last_name as last_name,
        country as country,
        city as city,
        company_name as company_name,
        null::text as company_domain,
        null::text as job_title,
        language as language,
        null::text as lifecycle_stage,
        created_at,
        updated_at
    from contacts

)

select * from final

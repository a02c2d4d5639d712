with contacts as (

    select * from {{ ref('base_hubspot__contacts') }}

),

final as (

    select
        'hubspot' as source,
        profile_id,
        vendor_id,
        email,
        coalesce(regexp_split_to_array(additional_emails, '\s*;\s*'), '{}') as additional_emails,
        coalesce(phone, mobile_phone) as phone,
        case when phone <> mobile_phone then array[mobile_phone] else '{}' end as additional_phones,
        user_id,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name,
        last_name,
        birth_date,
        street,
        postal_code,
        city,
        region,
        country,
        company_name,
        job_title,
        language,
        lifecycle_stage,
        created_at,
        updated_at
    from contacts
    where not is_archived

)

{{ conform('contacts', 'final', absent=['company_domain']) }}

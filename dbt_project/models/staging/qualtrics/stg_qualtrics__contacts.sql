with responses as (

    select * from {{ ref('base_qualtrics__responses') }}

),

final as (

    select
        'qualtrics' as source,
        'qualtrics:respondents:' || response_id as profile_id,
        response_id as vendor_id,
        email,
        '{}'::text[] as additional_emails,
        null::text as phone,
        '{}'::text[] as additional_phones,
        user_id,
        {{ clean_text("concat_ws(' ', first_name, last_name)") }} as full_name,
        first_name,
        last_name,
        null::text as country,
        null::text as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        null::text as language,
        null::text as lifecycle_stage,
        responded_at as created_at,
        responded_at as updated_at
    from responses
    where email is not null or user_id is not null

)

select * from final

with people as (

    select * from {{ source('delighted', 'people') }}
    where is_latest and not is_deleted

),

final as (

    select
        'delighted' as source,
        'delighted:people:' || people.record_key as profile_id,
        people.record_key as vendor_id,
        {{ clean_text('vendor.email') }} as email,
        '{}'::text[] as additional_emails,
        {{ clean_text('vendor.phone_number') }} as phone,
        '{}'::text[] as additional_phones,
        null::text as user_id,
        {{ clean_text('vendor.name') }} as full_name,
        null::text as first_name,
        null::text as last_name,
        null::text as country,
        null::text as city,
        null::text as company_name,
        null::text as company_domain,
        null::text as job_title,
        null::text as language,
        null::text as lifecycle_stage,
        {{ try_formatted_timestamp('vendor.created_at', 'epoch_s') }} as created_at,
        greatest(
            {{ try_formatted_timestamp('vendor.created_at', 'epoch_s') }},
            {{ try_formatted_timestamp('vendor.last_responded_at', 'epoch_s') }}
        ) as updated_at
    from people
    cross join lateral jsonb_to_record({{ json_object('people.payload') }}) as vendor (
        email text, phone_number text, name text, created_at text, last_responded_at text
    )

)

select * from final

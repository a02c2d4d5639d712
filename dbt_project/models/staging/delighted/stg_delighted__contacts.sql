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
        {{ clean_text('vendor.phone_number') }} as phone,
        {{ clean_text('vendor.name') }} as full_name,
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

{{ conform('contacts', 'final', absent=[
    'additional_emails', 'additional_phones', 'user_id', 'first_name', 'last_name',
    'birth_date', 'street', 'postal_code', 'city', 'region', 'country', 'company_name',
    'company_domain', 'job_title', 'language', 'lifecycle_stage',
]) }}

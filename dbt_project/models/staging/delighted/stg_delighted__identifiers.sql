with people as (

    select
        record_key as person_id,
        {{ clean_text("payload ->> 'email'") }} as email,
        {{ clean_text("payload ->> 'phone_number'") }} as phone,
        null::text as user_id,
        first_as_of
    from {{ source('delighted', 'people') }}
    where is_latest and not is_deleted

),

responses as (

    select
        coalesce(payload #>> '{person,id}', payload ->> 'person') as person_id,
        {{ clean_text("payload #>> '{person,email}'") }} as email,
        {{ clean_text("payload #>> '{person,phone_number}'") }} as phone,
        {{ clean_text("payload #>> '{person_properties,user_id}'") }} as user_id,
        first_as_of
    from {{ source('delighted', 'survey_responses') }}
    where is_latest and not is_deleted

),

known as (

    select * from people
    union all
    select * from responses

),

final as (

    select
        'delighted' as source,
        'delighted:people:' || known.person_id as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        min(known.first_as_of) as first_as_of
    from known
    cross join lateral (
        values
        ('delighted_id', known.person_id, true),
        ('user_id', known.user_id, true),
        ('email', known.email, false),
        ('phone', known.phone, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where known.person_id is not null and offered.identifier_value is not null
    group by
        known.person_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed

)

select * from final

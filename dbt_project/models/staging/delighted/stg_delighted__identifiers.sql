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

    select *, 'delighted:people:' || person_id as profile_id from people
    union all
    select *, 'delighted:people:' || person_id as profile_id from responses

),

final as (

    {{ identifiers('delighted', 'known', [
        ['delighted_id', 'person_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final

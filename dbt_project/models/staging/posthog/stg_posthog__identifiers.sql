with events as (

    select
        {{ clean_text("payload ->> 'distinct_id'") }} as distinct_id,
        {{ clean_text("payload #>> '{properties,$device_id}'") }} as device_id,
        coalesce(
            {{ clean_text("payload #>> '{properties,$user_id}'") }},
            case
                when payload #>> '{properties,$is_identified}' = 'true'
                    then {{ clean_text("payload ->> 'distinct_id'") }}
            end
        ) as user_id,
        min(first_as_of) as first_as_of
    from {{ source('posthog', 'events') }}
    where
        is_latest
        and not is_deleted
        and not {{ is_bot("payload #>> '{properties,$raw_user_agent}'") }}
    group by 1, 2, 3

),

persons as (

    select * from {{ source('posthog', 'persons') }}
    where is_latest and not is_deleted

),

people as (

    select
        'posthog:ids:' || distinct_id as profile_id,
        null::text as posthog_id,
        user_id,
        device_id,
        null::text as email,
        null::text as phone,
        first_as_of
    from events

    union all

    select
        'posthog:ids:' || ids.distinct_id as profile_id,
        persons.record_key as posthog_id,
        null::text as user_id,
        null::text as device_id,
        null::text as email,
        null::text as phone,
        persons.first_as_of
    from persons
    cross join lateral jsonb_array_elements_text({{ json_array("persons.payload -> 'distinct_ids'") }}) as ids (distinct_id)

    union all

    select
        'posthog:persons:' || record_key as profile_id,
        record_key as posthog_id,
        null::text as user_id,
        null::text as device_id,
        {{ clean_text("payload #>> '{properties,email}'") }} as email,
        {{ clean_text("payload #>> '{properties,phone}'") }} as phone,
        first_as_of
    from persons

),

final as (

    {{ identifiers('posthog', 'people', [
        ['posthog_id', 'posthog_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['device_id', 'device_id', 'user_id is not null'],
        ['email', 'email', 'false'],
        ['phone', 'phone', 'false'],
    ]) }}

)

select * from final

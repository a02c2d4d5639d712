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

offers as (

    select
        'posthog:ids:' || events.distinct_id as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        events.first_as_of
    from events
    cross join lateral (
        values
        ('user_id', events.user_id, true),
        ('device_id', events.device_id, events.user_id is not null)
    ) as offered (identifier_type, identifier_value, is_confirmed)

    union all

    select
        'posthog:ids:' || ids.distinct_id as profile_id,
        'posthog_id' as identifier_type,
        persons.record_key as identifier_value,
        true as is_confirmed,
        persons.first_as_of
    from persons
    cross join lateral jsonb_array_elements_text({{ json_array("persons.payload -> 'distinct_ids'") }}) as ids (distinct_id)

    union all

    select
        'posthog:persons:' || persons.record_key as profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        persons.first_as_of
    from persons
    cross join lateral (
        values
        ('posthog_id', persons.record_key, true),
        ('email', {{ clean_text("persons.payload #>> '{properties,email}'") }}, false),
        ('phone', {{ clean_text("persons.payload #>> '{properties,phone}'") }}, false)
    ) as offered (identifier_type, identifier_value, is_confirmed)

),

final as (

    select
        'posthog' as source,
        profile_id,
        identifier_type,
        identifier_value,
        is_confirmed,
        min(first_as_of) as first_as_of
    from offers
    where profile_id is not null and identifier_value is not null
    group by profile_id, identifier_type, identifier_value, is_confirmed

)

select * from final

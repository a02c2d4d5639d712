with events as (

    select
        {{ clean_text("payload ->> 'user_id'") }} as user_id,
        {{ clean_text("payload ->> 'device_id'") }} as device_id,
        min(first_as_of) as first_as_of
    from {{ source('amplitude', 'events') }}
    where is_latest and not is_deleted and not {{ is_bot("payload ->> 'user_agent'") }}
    group by 1, 2

),

profiles as (

    select
        coalesce('amplitude:users:' || user_id, 'amplitude:devices:' || device_id) as profile_id,
        coalesce('users:' || user_id, 'devices:' || device_id) as vendor_id,
        user_id,
        device_id,
        first_as_of
    from events
    where coalesce(user_id, device_id) is not null

),

final as (

    select
        'amplitude' as source,
        profiles.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed,
        min(profiles.first_as_of) as first_as_of
    from profiles
    cross join lateral (
        values
        ('amplitude_id', profiles.vendor_id, true),
        ('user_id', profiles.user_id, true),
        ('device_id', profiles.device_id, profiles.user_id is not null)
    ) as offered (identifier_type, identifier_value, is_confirmed)
    where offered.identifier_value is not null
    group by
        profiles.profile_id,
        offered.identifier_type,
        offered.identifier_value,
        offered.is_confirmed

)

select * from final

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

    {{ identifiers('amplitude', 'profiles', [
        ['amplitude_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['device_id', 'device_id', 'user_id is not null'],
    ]) }}

)

select * from final

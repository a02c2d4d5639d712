with visits as (

    select
        {{ clean_text("payload ->> 'userId'") }} as user_id,
        {{ clean_text("payload ->> 'visitorId'") }} as device_id,
        min(first_as_of) as first_as_of
    from {{ source('matomo', 'visits') }}
    where is_latest and not is_deleted
    group by 1, 2

),

profiles as (

    select
        coalesce('matomo:users:' || user_id, 'matomo:visitors:' || device_id) as profile_id,
        coalesce('users:' || user_id, 'visitors:' || device_id) as vendor_id,
        user_id,
        device_id,
        first_as_of
    from visits
    where coalesce(user_id, device_id) is not null

),

final as (

    {{ identifiers('matomo', 'profiles', [
        ['matomo_id', 'vendor_id', 'true'],
        ['user_id', 'user_id', 'true'],
        ['device_id', 'device_id', 'user_id is not null'],
    ]) }}

)

select * from final

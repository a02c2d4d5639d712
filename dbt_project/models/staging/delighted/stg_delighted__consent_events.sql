with unsubscribes as (

    select * from {{ source('delighted', 'unsubscribes') }}
    where is_latest and not is_deleted

),

bounces as (

    select * from {{ source('delighted', 'bounces') }}
    where is_latest and not is_deleted

),

heard as (

    select record_key, 'unsubscribed' as event_type, 'feedback' as purpose, payload ->> 'unsubscribed_at' as moment
    from unsubscribes
    union all
    select record_key, 'bounced' as event_type, 'any' as purpose, payload ->> 'bounced_at' as moment
    from bounces

),

final as (

    select
        'delighted' as source,
        'delighted:people:' || record_key as profile_id,
        record_key || ':' || event_type as event_id,
        'email' as channel,
        purpose,
        'withdrawn' as status,
        {{ try_formatted_timestamp('moment', 'epoch_s') }} as occurred_at
    from heard

)

{{ conform('consent_events', 'final', absent=['policy_version']) }}

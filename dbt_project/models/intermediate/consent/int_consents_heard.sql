with consent_events as (

    select source, profile_id, event_id, channel, purpose, status, occurred_at, policy_version
    from {{ ref('int_consent_events_unioned') }}
    where status is not null

),

refusals_of_messages as (

    select
        events.source,
        events.profile_id,
        events.event_id,
        events.channel,
        forbids.purpose,
        'withdrawn' as status,
        events.occurred_at,
        null::text as policy_version
    from {{ ref('int_message_events_unioned') }} as events
    inner join (
        values ('unsubscribed', 'marketing'), ('unsubscribed', 'feedback'), ('complained', 'any')
    ) as forbids (event_type, purpose) on events.event_type = forbids.event_type

),

heard as (

    select * from consent_events
    union all
    select * from refusals_of_messages

),

by_channel_and_purpose as (

    select
        members.customer_id,
        heard.source,
        heard.profile_id,
        heard.event_id,
        channels.channel,
        purposes.purpose,
        heard.status = 'granted' as is_granted,
        heard.occurred_at,
        heard.policy_version
    from heard
    inner join {{ source('identity', 'members') }} as members on heard.profile_id = members.profile_id
    inner join (values ('email'), ('sms'), ('push')) as channels (channel)
        on heard.channel = channels.channel
        or heard.channel = 'any'
        or (heard.status = 'withdrawn' and coalesce(heard.channel, '') not in ('email', 'sms', 'push'))
    inner join (values ('marketing'), ('feedback'), ('service')) as purposes (purpose)
        on heard.purpose = purposes.purpose
        or (heard.status = 'withdrawn' and coalesce(heard.purpose, '') not in ('marketing', 'feedback', 'service'))
    where heard.status = 'withdrawn' or heard.occurred_at <= {{ as_of() }}

),

final as (

    select distinct on (source, profile_id, channel, purpose) *
    from by_channel_and_purpose
    order by source, profile_id, channel, purpose, occurred_at desc nulls first, is_granted, event_id

)

select * from final

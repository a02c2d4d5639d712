with scores as (

    select * from {{ source('predictions', 'contact_scores') }}

),

hours as (

    select * from {{ source('predictions', 'standings') }}
    where model = 'contact_time' and scope = 'hour'

),

channels as (

    select * from {{ source('predictions', 'standings') }}
    where model = 'contact_time' and scope = 'channel'

),

final as (

    select
        scores.customer_id,
        scores.channel as preferred_channel,
        scores.hour::integer as preferred_hour,
        scores.channel_events,
        scores.hour_events,
        case when scores.channel is null then coalesce(channels.abstained_reason, 'too_few_events') end
        as channel_abstained_reason,
        case when scores.hour is null then coalesce(hours.abstained_reason, 'too_few_events') end
        as hour_abstained_reason,
        scores.channel is null and scores.hour is null as is_abstained,
        hours.model_version,
        greatest(hours.fitted_at, channels.fitted_at) as fitted_at,
        hours.is_stale or channels.is_stale as is_stale
    from scores
    cross join hours
    cross join channels

)

select * from final

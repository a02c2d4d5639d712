-- The list of metrics is not loaded any more. Its records hold for tickets that no export has brought again since.
with metric_sets as (

    select
        record_key as ticket_id,
        payload -> 'metric_set' as metric_set,
        2 as rank,
        load_id,
        record_key
    from {{ source('zendesk', 'tickets') }}
    where is_latest and not is_deleted and jsonb_typeof(payload -> 'metric_set') = 'object'
    union all
    select
        payload ->> 'ticket_id',
        payload,
        1,
        load_id,
        record_key
    from {{ source('zendesk', 'ticket_metrics') }}
    where is_latest and not is_deleted and jsonb_typeof(payload) = 'object'

),

final as (

    select distinct on (metric_sets.ticket_id)
        metric_sets.ticket_id,
        {{ try_timestamp('vendor.created_at') }} as created_at,
        {{ try_timestamp('vendor.solved_at') }} as solved_at,
        {{ minutes("vendor.reply_time_in_minutes ->> 'calendar'") }} as first_reply_minutes,
        {{ minutes("vendor.reply_time_in_minutes ->> 'business'") }} as first_reply_business_minutes,
        {{ minutes("vendor.full_resolution_time_in_minutes ->> 'calendar'") }} as full_resolution_minutes,
        {{ minutes("vendor.full_resolution_time_in_minutes ->> 'business'") }} as full_resolution_business_minutes,
        {{ try_integer('vendor.reopens') }} as reopens,
        {{ try_integer('vendor.replies') }} as replies
    from metric_sets
    cross join lateral jsonb_to_record(metric_sets.metric_set) as vendor (
        created_at text, solved_at text, reply_time_in_minutes jsonb, full_resolution_time_in_minutes jsonb,
        reopens text, replies text
    )
    order by metric_sets.ticket_id, metric_sets.rank desc, metric_sets.load_id desc, metric_sets.record_key desc

)

select * from final

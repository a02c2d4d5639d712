with ticket_metric_events as (

    select * from {{ source('zendesk', 'ticket_metric_events') }}
    where is_latest and not is_deleted and payload ->> 'type' = 'apply_sla'

),

applications as (

    select
        vendor.ticket_id as conversation_id,
        case
            when vendor.metric = 'reply_time' and coalesce(vendor.instance_id, '1') = '1' then 'first_reply'
            when vendor.metric = 'resolution_time' then 'full_resolution'
        end as metric,
        {{ clean_text("vendor.sla #>> '{policy,title}'") }} as policy,
        coalesce(
            {{ try_numeric("vendor.sla ->> 'target_in_seconds'") }} / 60, {{ minutes("vendor.sla ->> 'target'") }}
        ) as minutes,
        case when {{ try_boolean("vendor.sla ->> 'business_hours'") }} then 'business' else 'calendar' end as hours,
        {{ try_timestamp('vendor.time') }} as applied_at,
        coalesce({{ try_numeric('ticket_metric_events.record_key') }}, 0) as event_number
    from ticket_metric_events
    cross join lateral jsonb_to_record({{ json_object('ticket_metric_events.payload') }}) as vendor (
        ticket_id text, metric text, instance_id text, time text, deleted text, sla jsonb
    )
    where {{ try_boolean('vendor.deleted') }} is distinct from true

),

final as (

    select distinct on (conversation_id, metric)
        'zendesk' as source,
        conversation_id,
        metric,
        policy,
        minutes,
        hours
    from applications
    where conversation_id is not null and metric is not null and applied_at <= {{ as_of() }}
    order by conversation_id, metric, applied_at desc, event_number desc

)

select * from final

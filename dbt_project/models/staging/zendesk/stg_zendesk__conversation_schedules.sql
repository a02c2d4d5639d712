with ticket_events as (

    select * from {{ source('zendesk', 'ticket_events') }}
    where is_latest and not is_deleted

),

assignments as (

    select
        ticket_events.payload ->> 'ticket_id' as conversation_id,
        coalesce(vendor.new_schedule_id, vendor.schedule_id) as schedule_id,
        {{ try_timestamp("ticket_events.payload ->> 'created_at'") }} as assigned_at,
        coalesce({{ try_numeric('ticket_events.record_key') }}, 0) as event_number,
        child.place
    from ticket_events
    cross join lateral jsonb_array_elements({{ json_array("ticket_events.payload -> 'child_events'") }})
        with ordinality as child (event, place)
    cross join lateral jsonb_to_record({{ json_object('child.event') }}) as vendor (
        event_type text, new_schedule_id text, schedule_id text
    )
    where vendor.event_type = 'ScheduleAssignment'

),

final as (

    select distinct on (conversation_id)
        'zendesk' as source,
        conversation_id,
        'zendesk:' || schedule_id as schedule
    from assignments
    where schedule_id is not null
    order by conversation_id, assigned_at desc nulls last, event_number desc, place desc

)

select * from final

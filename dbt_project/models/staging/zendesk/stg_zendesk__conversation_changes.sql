with ticket_events as (

    select * from {{ source('zendesk', 'ticket_events') }}
    where is_latest and not is_deleted

),

changes as (

    select
        ticket_events.record_key,
        ticket_events.payload ->> 'ticket_id' as conversation_id,
        {{ try_timestamp("ticket_events.payload ->> 'created_at'") }} as changed_at,
        child.place,
        vendor.id,
        lower(coalesce(vendor.status, case when vendor.field_name = 'status' then vendor.value end)) as status
    from ticket_events
    cross join lateral jsonb_array_elements({{ json_array("ticket_events.payload -> 'child_events'") }})
        with ordinality as child (event, place)
    cross join lateral jsonb_to_record({{ json_object('child.event') }}) as vendor (
        id text, event_type text, status text, field_name text, value text
    )
    where vendor.event_type in ('Create', 'Change')

),

final as (

    select
        'zendesk' as source,
        conversation_id,
        record_key || ':' || place as change_id,
        case status when 'hold' then 'pending' else status end as status,
        changed_at,
        coalesce({{ try_numeric('record_key') }}, 0) * 1000 + place as place
    from changes
    where status in ('new', 'open', 'pending', 'hold', 'solved', 'closed')

)

select * from final

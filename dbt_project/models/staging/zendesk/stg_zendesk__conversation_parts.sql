with ticket_events as (

    select * from {{ source('zendesk', 'ticket_events') }}
    where is_latest and not is_deleted

),

tickets as (

    select
        record_key as ticket_id,
        payload ->> 'requester_id' as requester_id,
        payload ->> 'assignee_id' as assignee_id
    from {{ source('zendesk', 'tickets') }}
    where is_latest and not is_deleted

),

end_users as (

    select vendor_id from {{ ref('base_zendesk__users') }}

),

-- An agent who left is an end user today, was an agent in an earlier version, and may still be assigned tickets.
agents as (

    select record_key as vendor_id
    from {{ source('zendesk', 'users') }}
    where payload ->> 'role' in ('agent', 'admin')
    union
    select assignee_id
    from tickets
    where assignee_id is not null

),

comments as (

    select
        ticket_events.payload ->> 'ticket_id' as conversation_id,
        {{ try_timestamp("ticket_events.payload ->> 'created_at'") }} as created_at,
        vendor.id,
        vendor.author_id,
        lower(coalesce(vendor.via ->> 'channel', vendor.via #>> '{}')) as channel,
        coalesce({{ try_boolean('vendor.public') }}, false) as is_public,
        {{ clean_text('vendor.body') }} as body
    from ticket_events
    cross join lateral jsonb_array_elements({{ json_array("ticket_events.payload -> 'child_events'") }}) as child (event)
    cross join lateral jsonb_to_record({{ json_object('child.event') }}) as vendor (
        id text, event_type text, author_id text, public text, body text, via jsonb
    )
    where vendor.event_type = 'Comment'

),

spoken as (

    select
        comments.*,
        case
            when comments.channel = 'rule' or comments.author_id = '-1' then 'machine'
            when comments.author_id = tickets.requester_id then 'customer'
            when agents.vendor_id is not null then 'agent'
            when end_users.vendor_id is not null then 'customer'
        end as author
    from comments
    left join tickets on comments.conversation_id = tickets.ticket_id
    left join agents on comments.author_id = agents.vendor_id
    left join end_users on comments.author_id = end_users.vendor_id

),

final as (

    select
        'zendesk' as source,
        case when author = 'customer' then 'zendesk:users:' || author_id end as profile_id,
        conversation_id,
        id as part_id,
        author,
        is_public,
        body,
        created_at
    from spoken

)

select * from final

with ticket_events as (

    select * from {{ source('zendesk', 'ticket_events') }}
    where is_latest and not is_deleted

),

users as (

    select vendor_id, profile_id from {{ ref('base_zendesk__users') }}

),

comments as (

    select
        ticket_events.payload ->> 'ticket_id' as conversation_id,
        {{ try_timestamp("ticket_events.payload ->> 'created_at'") }} as created_at,
        vendor.id,
        vendor.author_id,
        coalesce({{ try_boolean('vendor.public') }}, false) as is_public,
        {{ clean_text('vendor.body') }} as body
    from ticket_events
    cross join lateral jsonb_array_elements({{ json_array("ticket_events.payload -> 'child_events'") }}) as child (event)
    cross join lateral jsonb_to_record({{ json_object('child.event') }}) as vendor (
        id text, event_type text, author_id text, public text, body text
    )
    where vendor.event_type = 'Comment'

),

final as (

    select
        'zendesk' as source,
        users.profile_id,
        comments.conversation_id,
        comments.id as part_id,
        case when users.profile_id is null then 'agent' else 'customer' end as author,
        comments.is_public,
        comments.body,
        comments.created_at
    from comments
    left join users on comments.author_id = users.vendor_id

)

select * from final

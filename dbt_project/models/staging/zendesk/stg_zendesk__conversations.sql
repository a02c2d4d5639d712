with tickets as (

    select * from {{ source('zendesk', 'tickets') }}
    where is_latest and not is_deleted

),

deleted_tickets as (

    select record_key from {{ source('zendesk', 'deleted_tickets') }}
    where is_latest and not is_deleted

),

metrics as (

    select * from {{ ref('base_zendesk__ticket_metrics') }}

),

extracted as (

    select
        tickets.record_key as conversation_id,
        vendor.*,
        {{ try_timestamp('vendor.created_at') }} as opened_at
    from tickets
    cross join lateral jsonb_to_record({{ json_object('tickets.payload') }}) as vendor (
        requester_id text, via jsonb, subject text, status text, priority text, created_at text,
        updated_at text, satisfaction_rating jsonb, assignee_id text
    )

),

final as (

    select
        'zendesk' as source,
        'zendesk:users:' || extracted.requester_id as profile_id,
        extracted.conversation_id,
        coalesce({{ clean_text("extracted.via ->> 'channel'") }}, 'unknown') as channel,
        {{ clean_text('extracted.subject') }} as subject,
        case extracted.status when 'hold' then 'pending' else extracted.status end as status,
        {{ clean_text('extracted.priority') }} as priority,
        extracted.opened_at as created_at,
        {{ try_timestamp('extracted.updated_at') }} as updated_at,
        extracted.opened_at + make_interval(secs => (metrics.first_reply_minutes * 60)::double precision)
            as first_replied_at,
        metrics.solved_at,
        metrics.first_reply_minutes,
        metrics.full_resolution_minutes,
        metrics.reopens,
        metrics.replies,
        substring(extracted.satisfaction_rating ->> 'score' from '^(good|bad)') as rating,
        extracted.assignee_id
    from extracted
    left join metrics on extracted.conversation_id = metrics.ticket_id
    where
        extracted.status in ('new', 'open', 'pending', 'hold', 'solved', 'closed')
        and not exists (
            select 1 from deleted_tickets where deleted_tickets.record_key = extracted.conversation_id
        )

)

select * from final

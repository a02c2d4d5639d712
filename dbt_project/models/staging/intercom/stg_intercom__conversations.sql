with conversations as (

    select * from {{ source('intercom', 'conversations') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        conversations.record_key as conversation_id,
        vendor.*,
        {{ json_object('vendor.statistics') }} as counted,
        {{ try_formatted_timestamp('vendor.created_at', 'epoch_s') }} as opened_at
    from conversations
    cross join lateral jsonb_to_record({{ json_object('conversations.payload') }}) as vendor (
        title text, state text, priority text, created_at text, updated_at text,
        admin_assignee_id text, source jsonb, contacts jsonb, statistics jsonb,
        conversation_rating jsonb
    )

),

final as (

    select
        'intercom' as source,
        'intercom:contacts:' || (extracted.contacts #>> '{contacts,0,id}') as profile_id,
        extracted.conversation_id,
        coalesce({{ clean_text("extracted.source ->> 'type'") }}, 'unknown') as channel,
        coalesce({{ clean_text('extracted.title') }}, {{ clean_text("extracted.source ->> 'subject'") }}) as subject,
        case extracted.state when 'closed' then 'closed' when 'snoozed' then 'pending' else 'open' end as status,
        case extracted.priority when 'priority' then 'high' end as priority,
        extracted.opened_at as created_at,
        {{ try_formatted_timestamp('extracted.updated_at', 'epoch_s') }} as updated_at,
        {{ try_formatted_timestamp("(extracted.counted ->> 'first_admin_reply_at')", 'epoch_s') }} as first_replied_at,
        {{ try_formatted_timestamp("(extracted.counted ->> 'last_close_at')", 'epoch_s') }} as solved_at,
        {{ minutes("extracted.counted ->> 'time_to_admin_reply'") }} / 60 as first_reply_minutes,
        round(
            extract(epoch from {{ try_formatted_timestamp("(extracted.counted ->> 'last_close_at')", 'epoch_s') }} - extracted.opened_at)
            / 60
        ) as full_resolution_minutes,
        {{ try_integer("extracted.counted ->> 'count_reopens'") }} as reopens,
        extracted.conversation_rating ->> 'rating' as rating,
        extracted.admin_assignee_id as assignee_id
    from extracted

)

{{ conform('conversations', 'final', absent=['replies']) }}

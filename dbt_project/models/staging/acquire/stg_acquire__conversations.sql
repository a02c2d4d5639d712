with cases as (

    select
        record_key,
        payload,
        coalesce(payload #>> '{contact,id}', payload ->> 'contactId') as contact_id,
        {{ try_timestamp("payload ->> 'dateCreated'") }} as created_at,
        {{ try_timestamp("payload ->> 'dateClosed'") }} as solved_at
    from {{ source('acquire', 'cases') }}
    where is_latest and not is_deleted

),

replies as (

    select
        conversation_id,
        count(*)::integer as replies,
        min(created_at) as first_replied_at
    from {{ ref('stg_acquire__conversation_parts') }}
    where author = 'agent'
    group by conversation_id

),

final as (

    select
        'acquire' as source,
        'acquire:contacts:' || cases.contact_id as profile_id,
        cases.record_key as conversation_id,
        coalesce({{ clean_text("cases.payload ->> 'channel'") }}, 'unknown') as channel,
        {{ clean_text("cases.payload ->> 'title'") }} as subject,
        case
            when cases.payload ->> 'status' in ('close', 'closed') then 'closed'
            when cases.payload ->> 'status' in ('snooze', 'snoozed') then 'pending'
            else 'open'
        end as status,
        cases.created_at,
        {{ try_timestamp("coalesce(cases.payload ->> 'dateUpdated', cases.payload ->> 'dateCreated')") }} as updated_at,
        replies.first_replied_at,
        cases.solved_at,
        round(extract(epoch from replies.first_replied_at - cases.created_at) / 60) as first_reply_minutes,
        round(extract(epoch from cases.solved_at - cases.created_at) / 60) as full_resolution_minutes,
        coalesce(replies.replies, 0) as replies,
        cases.payload #>> '{feedbacks,0,rating}' as rating
    from cases
    left join replies on cases.record_key = replies.conversation_id

)

{{ conform('conversations', 'final', absent=['priority', 'reopens', 'assignee_id']) }}

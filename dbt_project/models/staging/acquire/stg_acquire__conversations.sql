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
        cases.solved_at,
        round(extract(epoch from cases.solved_at - cases.created_at) / 60) as full_resolution_minutes,
        cases.payload #>> '{feedbacks,0,rating}' as rating
    from cases

)

{{ conform('conversations', 'final', absent=[
    'priority', 'first_replied_at', 'first_reply_minutes', 'reopens', 'replies', 'assignee_id',
]) }}

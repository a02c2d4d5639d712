with requests as (

    select
        record_key,
        payload,
        {{ json_object("payload -> 'rapport'") }} as meant,
        {{ try_timestamp("payload ->> '__createdAt'") }} as created_at,
        {{ try_timestamp("payload ->> '__updatedAt'") }} as updated_at
    from {{ source('elma365', 'requests') }}
    where is_latest and not is_deleted and payload ->> '__deletedAt' is null

),

final as (

    select
        'elma365' as source,
        coalesce(
            'elma365:contacts:' || (meant #>> '{contacts,0}'),
            'elma365:requests:' || record_key
        ) as profile_id,
        record_key as conversation_id,
        coalesce({{ clean_text("meant ->> 'channel'") }}, 'unknown') as channel,
        {{ clean_text("meant ->> 'subject'") }} as subject,
        meant ->> 'status' as status,
        created_at,
        updated_at,
        case meant ->> 'status' when 'closed' then updated_at end as solved_at,
        case meant ->> 'status'
            when 'closed' then round(extract(epoch from updated_at - created_at) / 60)
        end as full_resolution_minutes,
        {{ clean_text("meant ->> 'rating'") }} as rating
    from requests

)

{{ conform('conversations', 'final', absent=[
    'priority', 'first_replied_at', 'first_reply_minutes', 'reopens', 'replies', 'assignee_id',
]) }}

{{ config(indexes=[{'columns': ['source', 'conversation_id'], 'unique': true}]) }}

with conversations as (

    select source, conversation_id, created_at from {{ ref('int_conversations_unioned') }}

),

messages as (

    select
        parts.source,
        parts.conversation_id,
        parts.author,
        parts.is_public,
        parts.created_at,
        row_number() over (
            partition by parts.source, parts.conversation_id
            order by parts.created_at, length(parts.part_id), parts.part_id
        ) = 1
        and parts.created_at <= conversations.created_at + interval '1 minute' as is_opening
    from {{ ref('int_conversation_parts_unioned') }} as parts
    inner join conversations
        on parts.source = conversations.source and parts.conversation_id = conversations.conversation_id
    where parts.created_at <= {{ as_of() }}

),

replies as (

    select
        source,
        conversation_id,
        bool_or(author = 'agent' and is_opening) as is_outbound,
        (count(*) filter (where author = 'agent' and is_public and not is_opening))::integer as replies,
        min(created_at) filter (where author = 'agent' and is_public and not is_opening) as first_replied_at
    from messages
    group by source, conversation_id

),

changes as (

    select
        source,
        conversation_id,
        changed_at,
        status,
        lag(status) over (
            partition by source, conversation_id order by changed_at, place, change_id
        ) as status_before
    from {{ ref('int_conversation_changes_unioned') }}
    where status is not null

),

judged as (

    select
        *,
        status = 'solved' and coalesce(status_before <> 'solved', true)
        or status = 'closed' and coalesce(status_before not in ('solved', 'closed'), false) as is_solution,
        coalesce(status not in ('solved', 'closed') and status_before in ('solved', 'closed'), false) as is_reopening
    from changes

),

solutions as (

    select
        source,
        conversation_id,
        min(changed_at) filter (where is_solution) as first_solved_at,
        max(changed_at) filter (where is_solution) as solved_at,
        (count(*) filter (where is_reopening))::integer as reopens
    from judged
    group by source, conversation_id

),

final as (

    select
        conversations.source,
        conversations.conversation_id,
        replies.is_outbound,
        replies.replies,
        replies.first_replied_at,
        {{ minutes_between('conversations.created_at', 'replies.first_replied_at') }} as first_reply_minutes,
        solutions.first_solved_at,
        solutions.solved_at,
        {{ minutes_between('conversations.created_at', 'solutions.solved_at') }} as full_resolution_minutes,
        solutions.reopens
    from conversations
    left join replies
        on conversations.source = replies.source and conversations.conversation_id = replies.conversation_id
    left join solutions
        on conversations.source = solutions.source and conversations.conversation_id = solutions.conversation_id
    where replies.conversation_id is not null or solutions.conversation_id is not null

)

select * from final

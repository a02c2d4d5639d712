{{ config(indexes=[{'columns': ['source', 'conversation_id'], 'unique': true}]) }}

with conversations as (

    select
        *,
        coalesce(status in ('new', 'open', 'pending'), false) as is_open,
        coalesce(replies, first_reply_minutes) is not null or first_replied_at is not null as tells_replies,
        coalesce(reopens, full_resolution_minutes) is not null or solved_at is not null as tells_solutions
    from {{ ref('int_conversations_unioned') }}

),

figures as (

    select * from {{ ref('int_conversation_figures') }}

),

combined as (

    select
        conversations.*,
        conversations.tells_replies or conversations.tells_solutions as tells,
        figures.conversation_id is not null as is_computed,
        figures.is_outbound,
        figures.first_solved_at,
        figures.replies as event_replies,
        figures.reopens as event_reopens,
        figures.first_reply_minutes as event_first_reply_minutes,
        figures.full_resolution_minutes as event_full_resolution_minutes,
        case when conversations.tells_replies then conversations.first_replied_at else figures.first_replied_at end
            as replied_at,
        case
            when conversations.tells_replies then conversations.first_reply_minutes
            else figures.first_reply_minutes
        end as reply_minutes,
        case
            when conversations.is_open and conversations.tells_solutions then conversations.solved_at
            else coalesce(conversations.solved_at, figures.solved_at)
        end as last_solved_at,
        case
            when conversations.is_open and conversations.tells_solutions then conversations.full_resolution_minutes
            else coalesce(conversations.full_resolution_minutes, figures.full_resolution_minutes)
        end as resolution_minutes
    from conversations
    left join figures
        on conversations.source = figures.source and conversations.conversation_id = figures.conversation_id

),

dated as (

    select
        *,
        coalesce({{ minutes_after('created_at', 'resolution_minutes') }}, last_solved_at) as resolved_at
    from combined

),

final as (

    select
        source,
        profile_id,
        conversation_id,
        channel,
        subject,
        status,
        is_open,
        priority,
        created_at,
        updated_at,
        replied_at as first_replied_at,
        last_solved_at as solved_at,
        first_solved_at,
        case when coalesce({{ has_happened('replied_at') }}, true) then reply_minutes end as first_reply_minutes,
        case when coalesce({{ has_happened('resolved_at') }}, true) then resolution_minutes end as full_resolution_minutes,
        coalesce(replies, event_replies) as replies,
        coalesce(reopens, event_reopens) as reopens,
        rating,
        assignee_id,
        is_outbound,
        case when tells then 'vendor' when is_computed then 'events' end as figures_from,
        first_reply_minutes as vendor_first_reply_minutes,
        full_resolution_minutes as vendor_full_resolution_minutes,
        reopens as vendor_reopens,
        replies as vendor_replies,
        event_first_reply_minutes,
        event_full_resolution_minutes,
        event_reopens,
        event_replies
    from dated

)

select * from final

with conversations as (

    select * from {{ ref('int_conversations_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

final as (

    select
        conversations.source,
        conversations.conversation_id,
        members.customer_id,
        conversations.channel,
        conversations.status,
        conversations.status in ('new', 'open', 'pending') as is_open,
        conversations.priority,
        conversations.created_at,
        conversations.updated_at,
        conversations.first_replied_at,
        conversations.solved_at,
        conversations.first_reply_minutes,
        conversations.full_resolution_minutes,
        conversations.reopens,
        conversations.replies,
        conversations.rating,
        conversations.assignee_id
    from conversations
    left join members on conversations.profile_id = members.profile_id

)

select * from final

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
        conversations.created_at,
        conversations.subject
    from conversations
    left join members on conversations.profile_id = members.profile_id
    where conversations.subject is not null

)

select * from final

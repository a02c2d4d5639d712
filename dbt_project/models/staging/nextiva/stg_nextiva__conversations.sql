with workitems as (

    select
        *,
        coalesce(payload ->> 'state', '') ~* '^(complet|clos|dispos|terminat|end)' as is_over
    from {{ ref('base_nextiva__workitems') }}

),

timed as (

    select
        *,
        case when is_over then coalesce(
            {{ try_formatted_timestamp("(payload ->> 'completedAt')", 'epoch_ms') }}, updated_at
        ) end as ended_at
    from workitems

),

final as (

    select
        'nextiva' as source,
        profile_id,
        workitem_id as conversation_id,
        coalesce(channel, 'unknown') as channel,
        {{ clean_text("payload ->> 'subject'") }} as subject,
        case when is_over then 'closed' else 'open' end as status,
        created_at,
        updated_at,
        ended_at as solved_at,
        round(extract(epoch from ended_at - created_at) / 60) as full_resolution_minutes,
        {{ clean_text("payload ->> 'agentUsername'") }} as assignee_id
    from timed

)

{{ conform('conversations', 'final', absent=[
    'priority', 'first_replied_at', 'first_reply_minutes', 'reopens', 'replies', 'rating',
]) }}

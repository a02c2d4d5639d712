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
        null::text as priority,
        created_at,
        updated_at,
        null::timestamptz as first_replied_at,
        ended_at as solved_at,
        null::numeric as first_reply_minutes,
        round(extract(epoch from ended_at - created_at) / 60) as full_resolution_minutes,
        null::integer as reopens,
        null::integer as replies,
        null::text as rating,
        {{ clean_text("payload ->> 'agentUsername'") }} as assignee_id
    from timed

)

select * from final

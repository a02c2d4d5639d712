with conversations as (

    select
        *,
        coalesce({{ minutes_after('created_at', 'full_resolution_minutes') }}, solved_at) as resolved_at,
        first_replied_at is not null or first_reply_minutes is not null as is_answered,
        -- Of a source that tells the first reply and counts none, no other is known.
        coalesce(replies, case when first_replied_at is not null or first_reply_minutes is not null then 1 end)
            as known_replies,
        not is_open and full_resolution_minutes is not null as is_resolved
    from {{ ref('int_conversations_measured') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

schedules as (

    select {{ conversation_channel('channel') }} as channel, min(schedule) as schedule
    from {{ ref('support_hours') }}
    group by {{ conversation_channel('channel') }}

),

vendor_schedules as (

    select source, schedule, bool_or(is_default) as is_default
    from {{ ref('int_support_hours_unioned') }}
    group by source, schedule

),

assigned as (

    select assigned.* from {{ ref('int_conversation_schedules_unioned') }} as assigned
    inner join vendor_schedules as known
        on assigned.source = known.source and assigned.schedule = known.schedule

),

scheduled as (

    select
        conversations.*,
        coalesce(assigned.schedule, default_schedule.schedule, own.schedule, general.schedule) as schedule
    from conversations
    left join assigned
        on conversations.source = assigned.source and conversations.conversation_id = assigned.conversation_id
    left join vendor_schedules as default_schedule
        on conversations.source = default_schedule.source and default_schedule.is_default
    left join schedules as own on conversations.channel = own.channel
    left join schedules as general on general.channel is null

),

applied as (

    select
        source,
        conversation_id,
        min(policy) as policy,
        min(minutes) filter (where metric = 'first_reply') as first_reply_minutes,
        min(hours) filter (where metric = 'first_reply') as first_reply_hours,
        min(minutes) filter (where metric = 'full_resolution') as full_resolution_minutes,
        min(hours) filter (where metric = 'full_resolution') as full_resolution_hours
    from {{ ref('int_conversation_targets_unioned') }}
    group by source, conversation_id

),

telling as (

    select distinct source from applied

),

-- Where a source tells its targets, a conversation without one has none.
targets as (

    select
        conversations.source,
        conversations.conversation_id,
        applied.policy,
        applied.first_reply_minutes,
        applied.first_reply_hours,
        applied.full_resolution_minutes,
        applied.full_resolution_hours
    from conversations
    inner join telling on conversations.source = telling.source
    left join applied
        on conversations.source = applied.source and conversations.conversation_id = applied.conversation_id
    union all
    select
        conversations.source,
        conversations.conversation_id,
        null,
        own.first_reply_minutes,
        own.hours,
        own.full_resolution_minutes,
        own.hours
    from conversations
    inner join {{ ref('support_targets') }} as own on conversations.priority = own.priority
    left join telling on conversations.source = telling.source
    where telling.source is null

),

timed as (

    select
        scheduled.*,
        case
            when scheduled.first_reply_minutes is not null
                then {{ business_minutes('scheduled.schedule', 'scheduled.created_at', 'scheduled.first_replied_at') }}
        end as first_reply_business_minutes,
        case
            when scheduled.full_resolution_minutes is not null
                then {{ business_minutes('scheduled.schedule', 'scheduled.created_at', 'scheduled.resolved_at') }}
        end as full_resolution_business_minutes,
        case
            when scheduled.is_open
                then {{ business_minutes('scheduled.schedule', 'scheduled.created_at', as_of()) }}
        end as open_business_minutes,
        case
            when scheduled.is_open
                then extract(epoch from {{ as_of() }} - scheduled.created_at) / 60
        end as open_minutes
    from scheduled

),

measured as (

    select
        timed.*,
        targets.policy as sla_policy,
        targets.first_reply_minutes as first_reply_target,
        targets.full_resolution_minutes as full_resolution_target,
        targets.first_reply_hours as first_reply_target_hours,
        targets.full_resolution_hours as full_resolution_target_hours,
        {%- for figure in ['first_reply', 'full_resolution'] %}
        case targets.{{ figure }}_hours
            when 'business' then timed.{{ figure }}_business_minutes
            else timed.{{ figure }}_minutes
        end as {{ figure }}_taken,
        case targets.{{ figure }}_hours
            when 'business' then timed.open_business_minutes
            else timed.open_minutes
        end as {{ figure }}_waiting{{ ',' if not loop.last }}
        {%- endfor %}
    from timed
    left join targets
        on timed.source = targets.source and timed.conversation_id = targets.conversation_id

),

final as (

    select
        measured.source,
        measured.conversation_id,
        members.customer_id,
        measured.channel,
        measured.status,
        measured.is_open,
        measured.priority,
        measured.created_at,
        measured.updated_at,
        measured.first_replied_at,
        measured.solved_at,
        case
            when not measured.is_open and {{ has_happened('measured.resolved_at') }} then measured.resolved_at
        end as resolved_at,
        measured.first_reply_minutes,
        measured.full_resolution_minutes,
        measured.reopens,
        measured.replies,
        measured.rating,
        measured.assignee_id,
        measured.schedule,
        measured.first_reply_business_minutes,
        measured.full_resolution_business_minutes,
        case
            when measured.is_resolved and measured.known_replies > 0 and not coalesce(measured.is_outbound, false)
                then measured.known_replies = 1 and coalesce(measured.reopens, 0) = 0
        end as is_one_touch,
        {{ is_late(
            'measured.first_reply_taken',
            'case when not measured.is_answered then measured.first_reply_waiting end',
            'measured.first_reply_target'
        ) }} as is_first_reply_late,
        {{ is_late(
            'case when not measured.is_open then measured.full_resolution_taken end',
            'measured.full_resolution_waiting',
            'measured.full_resolution_target'
        ) }} as is_full_resolution_late,
        case when measured.is_resolved then measured.known_replies < 2 end as is_one_touch_by_vendor,
        case when measured.is_resolved then measured.replies = 0 end as is_silent_solve,
        measured.is_outbound,
        round(measured.open_minutes, 2) as open_minutes,
        measured.open_business_minutes,
        measured.figures_from,
        measured.vendor_first_reply_minutes,
        measured.vendor_full_resolution_minutes,
        measured.vendor_reopens,
        measured.vendor_replies,
        measured.event_first_reply_minutes,
        measured.event_full_resolution_minutes,
        measured.event_reopens,
        measured.event_replies,
        measured.sla_policy,
        measured.first_reply_target::numeric as first_reply_target,
        measured.first_reply_target_hours,
        measured.full_resolution_target::numeric as full_resolution_target,
        measured.full_resolution_target_hours
    from measured
    left join members on measured.profile_id = members.profile_id

)

select * from final

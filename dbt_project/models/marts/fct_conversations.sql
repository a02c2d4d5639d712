with conversations as (

    select
        *,
        coalesce({{ minutes_after('created_at', 'full_resolution_minutes') }}, solved_at) as resolved_at,
        first_replied_at is not null or first_reply_minutes is not null as is_answered,
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

targets as (

    select * from {{ ref('support_targets') }}

),

scheduled as (

    select conversations.*, coalesce(own.schedule, general.schedule) as schedule
    from conversations
    left join schedules as own on conversations.channel = own.channel
    left join schedules as general on general.channel is null

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
        targets.first_reply_minutes as first_reply_target,
        targets.full_resolution_minutes as full_resolution_target,
        case targets.hours
            when 'business' then timed.first_reply_business_minutes
            else timed.first_reply_minutes
        end as first_reply_taken,
        case targets.hours
            when 'business' then timed.full_resolution_business_minutes
            else timed.full_resolution_minutes
        end as full_resolution_taken,
        case targets.hours when 'business' then timed.open_business_minutes else timed.open_minutes end as waiting
    from timed
    left join targets on timed.priority = targets.priority

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
            when not measured.is_open and measured.resolved_at <= {{ as_of() }} then measured.resolved_at
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
            when measured.is_resolved and measured.replies > 0 and not coalesce(measured.is_outbound, false)
                then measured.replies = 1 and coalesce(measured.reopens, 0) = 0
        end as is_one_touch,
        {{ is_late(
            'measured.first_reply_taken',
            'case when not measured.is_answered then measured.waiting end',
            'measured.first_reply_target'
        ) }} as is_first_reply_late,
        {{ is_late(
            'case when not measured.is_open then measured.full_resolution_taken end',
            'measured.waiting',
            'measured.full_resolution_target'
        ) }} as is_full_resolution_late,
        case when measured.is_resolved then measured.replies < 2 end as is_one_touch_by_vendor,
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
        measured.event_replies
    from measured
    left join members on measured.profile_id = members.profile_id

)

select * from final

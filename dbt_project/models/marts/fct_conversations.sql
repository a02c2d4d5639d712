with conversations as (

    select
        *,
        coalesce(status in ('new', 'open', 'pending'), false) as is_open,
        coalesce({{ minutes_after('created_at', 'full_resolution_minutes') }}, solved_at) as resolved_at,
        first_replied_at is not null or first_reply_minutes is not null as is_answered
    from {{ ref('int_conversations_unioned') }}

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
        {{ business_minutes('scheduled.schedule', 'scheduled.created_at', 'scheduled.first_replied_at') }}
            as first_reply_business_minutes,
        {{ business_minutes('scheduled.schedule', 'scheduled.created_at', 'scheduled.resolved_at') }}
            as full_resolution_business_minutes,
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
        case when not measured.is_open then measured.resolved_at end as resolved_at,
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
            when not measured.is_open and measured.full_resolution_minutes is not null
                then coalesce(measured.replies, 0) <= 1 and coalesce(measured.reopens, 0) = 0
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
        ) }} as is_full_resolution_late
    from measured
    left join members on measured.profile_id = members.profile_id

)

select * from final

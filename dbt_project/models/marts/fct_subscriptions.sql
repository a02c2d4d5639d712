with subscriptions as (

    select * from {{ ref('int_subscriptions_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

found_deleted as (

    select
        *,
        -- A record that a run finds deleted was gone before the run.
        case when status <> 'cancelled' then deleted_at - interval '1 second' end as gone_at
    from subscriptions

),

ended as (

    select
        *,
        case when gone_at is not null and status <> 'trialing' then 'cancelled' else status end as status_now,
        case
            when status = 'cancelled' then coalesce(cancelled_at, updated_at, started_at)
            else least(cancelled_at, gone_at)
        end as ended_at
    from found_deleted

),

final as (

    select
        ended.source,
        ended.subscription_id,
        members.customer_id,
        ended.plan,
        ended.status_now as status,
        (
            ended.status_now <> 'cancelled'
            and ended.started_at <= {{ as_of() }}
            and coalesce(ended.ended_at > {{ as_of() }}, true)
        ) is true as is_active,
        ended.started_at,
        coalesce(ended.cancelled_at, ended.gone_at) as cancelled_at,
        ended.ended_at,
        ended.renews_at,
        ended.amount,
        {{ currency_code('ended.currency') }} as currency,
        ended.updated_at,
        ended.deleted_at
    from ended
    left join members on ended.profile_id = members.profile_id

)

select * from final

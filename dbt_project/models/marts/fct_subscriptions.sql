with subscriptions as (

    select * from {{ ref('int_subscriptions_unioned') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

ended as (

    select
        *,
        coalesce(cancelled_at, case when status = 'cancelled' then coalesce(updated_at, started_at) end) as ended_at
    from subscriptions

),

final as (

    select
        ended.source,
        ended.subscription_id,
        members.customer_id,
        ended.plan,
        ended.status,
        (
            ended.status <> 'cancelled'
            and ended.started_at <= {{ as_of() }}
            and coalesce(ended.ended_at > {{ as_of() }}, true)
        ) is true as is_active,
        ended.started_at,
        ended.cancelled_at,
        ended.ended_at,
        ended.renews_at,
        ended.amount,
        ended.currency,
        ended.updated_at
    from ended
    left join members on ended.profile_id = members.profile_id

)

select * from final

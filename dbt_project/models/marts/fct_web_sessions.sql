with sessions as (

    select * from {{ ref('int_web_events_sessionised') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

final as (

    select
        sessions.session_id,
        members.customer_id,
        sessions.source,
        sessions.started_at,
        sessions.ended_at,
        sessions.events,
        sessions.page_views,
        sessions.product_views,
        sessions.cart_adds,
        sessions.checkouts,
        sessions.purchases,
        sessions.plan_upgrades,
        sessions.landing_path,
        sessions.referrer,
        sessions.utm_source,
        sessions.utm_medium,
        sessions.utm_campaign,
        sessions.paths,
        sessions.product_ids,
        sessions.categories,
        {{ session_channel('sessions.utm_medium', 'sessions.referrer') }} as channel
    from sessions
    left join members on sessions.profile_id = members.profile_id

)

select * from final

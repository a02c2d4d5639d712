with sessions as (

    select
        *,
        {{ local_date('started_at') }} as session_date,
        page_views > 1 or cart_adds > 0 or purchases > 0 as is_engaged
    from {{ ref('fct_web_sessions') }}
    where {{ is_reportable('started_at') }}

),

final as (

    select
        session_date,
        channel,
        count(*)::integer as sessions,
        count(distinct customer_id)::integer as visitors,
        (count(*) filter (where is_engaged))::integer as engaged_sessions,
        {{ share('count(*) filter (where is_engaged)', 'count(*)') }} as engagement_rate,
        (count(*) filter (where cart_adds > 0))::integer as sessions_with_cart,
        (count(*) filter (where checkouts > 0))::integer as sessions_with_checkout,
        (count(*) filter (where purchases > 0))::integer as sessions_with_purchase,
        {{ share('count(*) filter (where purchases > 0)', 'count(*)') }} as conversion_rate
    from sessions
    group by session_date, channel

)

select * from final

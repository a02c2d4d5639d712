{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='profile_id',
        on_schema_change='fail',
        indexes=[{'columns': ['profile_id']}],
    )
}}

with events as (

    select * from {{ ref('int_web_events_unioned') }}
    where not is_bot and profile_id is not null and occurred_at is not null

),

touched_profiles as (

    select distinct profile_id from events
    {%- if is_incremental() %}
    where landed_mark > (select coalesce(max(landed_mark), -1) from {{ this }})
    {%- endif %}

),

ordered as (

    select
        *,
        lag(occurred_at) over visitor as previous_at
    from events
    {%- if is_incremental() %}
    where profile_id in (select profile_id from touched_profiles)
    {%- endif %}
    window visitor as (partition by profile_id order by occurred_at, event_id)

),

numbered as (

    select
        *,
        count(*) filter (where previous_at is null or occurred_at - previous_at > interval '30 minutes')
            over (partition by profile_id order by occurred_at, event_id) as session_number
    from ordered

),

final as (

    select
        md5(min(source) || profile_id || (array_agg(event_id order by occurred_at, event_id))[1]) as session_id,
        min(source) as source,
        profile_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*)::integer as events,
        (count(*) filter (where event_name in ('page_view', 'product_view')))::integer as page_views,
        (count(*) filter (where event_name = 'product_view'))::integer as product_views,
        (count(*) filter (where event_name = 'add_to_cart'))::integer as cart_adds,
        (count(*) filter (where event_name = 'checkout_started'))::integer as checkouts,
        (count(*) filter (where event_name = 'purchase'))::integer as purchases,
        (count(*) filter (where event_name = 'plan_upgrade'))::integer as plan_upgrades,
        (array_agg(path order by occurred_at, event_id) filter (where path is not null))[1] as landing_path,
        (array_agg(referrer order by occurred_at, event_id) filter (where referrer is not null))[1] as referrer,
        (array_agg(utm_source order by occurred_at, event_id) filter (where utm_source is not null))[1] as utm_source,
        (array_agg(utm_medium order by occurred_at, event_id) filter (where utm_medium is not null))[1] as utm_medium,
        (array_agg(utm_campaign order by occurred_at, event_id) filter (where utm_campaign is not null))[1]
            as utm_campaign,
        coalesce(array_agg(path order by occurred_at, event_id) filter (
            where path is not null and event_name in ('page_view', 'product_view')
        ), '{}') as paths,
        coalesce(array_agg(distinct product_id) filter (where product_id is not null), '{}') as product_ids,
        coalesce(array_agg(distinct category) filter (where category is not null), '{}') as categories,
        max(landed_mark) as landed_mark
    from numbered
    group by profile_id, session_number

)

select * from final

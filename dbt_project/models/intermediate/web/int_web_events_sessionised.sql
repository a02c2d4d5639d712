{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='visitor_id',
        on_schema_change='fail',
        indexes=[{'columns': ['visitor_id']}],
    )
}}

{% if is_incremental() -%}

with touched_visitors as (

    select distinct visitor_id from {{ ref('int_web_events_unioned') }}
    where landed_mark > (select coalesce(max(landed_mark), -1) from {{ this }})

),

people_events as (

{%- else -%}

with people_events as (

{%- endif %}

    select
        events.*,
        case
            when starts_with(reverse(events.profile_id), reverse(':' || events.device_id)) is not true
                then events.profile_id
        end as known_profile_id,
        {{ outside_referrer('events.referrer', 'hosts.referrer_host', 'hosts.url_host') }} as outside_referrer
    from {{ ref('int_web_events_unioned') }} as events
    cross join lateral (
        select
            {{ host_of('events.referrer') }} as referrer_host,
            case when events.referrer is not null then {{ host_of('events.url') }} end as url_host
        -- The hosts are read once, not wherever they are named.
        from (values (1)) as once (place)
        offset 0
    ) as hosts
    where
        not events.is_bot and events.profile_id is not null and events.occurred_at is not null
        {%- if is_incremental() %}
        and events.visitor_id in (select touched_visitors.visitor_id from touched_visitors)
        {%- endif %}

),

ordered as (

    select
        *,
        coalesce(utm_source, utm_medium, utm_campaign, outside_referrer) is not null as has_origin,
        lag(occurred_at) over visitor as previous_at,
        lag(event_name) over visitor = 'page_view' and lag(path) over visitor = path as is_on_the_same_page,
        count(known_profile_id) over visitor as logins
    from people_events
    window visitor as (partition by visitor_id order by occurred_at, event_id)

),

known as (

    select
        *,
        max(known_profile_id) over (partition by visitor_id, logins) as last_known_profile_id
    from ordered

),

compared as (

    select
        *,
        known_profile_id <> lag(last_known_profile_id) over (partition by visitor_id order by occurred_at, event_id)
            as is_somebody_else
    from known

),

numbered as (

    select
        *,
        event_name = 'page_view'
        or (
            event_name = 'product_view'
            and (is_on_the_same_page and occurred_at - previous_at <= interval '1 minute') is not true
        ) as is_page,
        count(*) filter (
            where previous_at is null or occurred_at - previous_at > interval '30 minutes' or is_somebody_else
        ) over (partition by visitor_id order by occurred_at, event_id) as session_number
    from compared

),

final as (

    select
        md5(min(source) || visitor_id || (array_agg(event_id order by occurred_at, event_id))[1]) as session_id,
        min(source) as source,
        visitor_id,
        coalesce(
            (array_agg(known_profile_id order by occurred_at desc, event_id desc) filter (
                where known_profile_id is not null
            ))[1],
            (array_agg(profile_id order by occurred_at, event_id))[1]
        ) as profile_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*)::integer as events,
        (count(*) filter (where is_page))::integer as page_views,
        (count(*) filter (where event_name = 'product_view'))::integer as product_views,
        (count(*) filter (where event_name = 'add_to_cart'))::integer as cart_adds,
        (count(*) filter (where event_name = 'checkout_started'))::integer as checkouts,
        (count(*) filter (where event_name = 'purchase'))::integer as purchases,
        (count(*) filter (where event_name = 'plan_upgrade'))::integer as plan_upgrades,
        coalesce(bool_or({{ is_done_on_a_page('event_name') }}), false) as is_visit,
        (array_agg(path order by occurred_at, event_id) filter (where path is not null))[1] as landing_path,
        {%- for column in ['outside_referrer', 'utm_source', 'utm_medium', 'utm_campaign'] %}
        (array_agg({{ column }} order by occurred_at, event_id) filter (where has_origin))[1]
            as {{ column | replace('outside_', '') }},
        {%- endfor %}
        coalesce(array_agg(path order by occurred_at, event_id) filter (where path is not null and is_page), '{}')
            as paths,
        coalesce(array_agg(distinct product_id) filter (where product_id is not null), '{}') as product_ids,
        coalesce(array_agg(distinct category) filter (where category is not null), '{}') as categories,
        max(landed_mark) as landed_mark
    from numbered
    group by visitor_id, session_number

)

select * from final

with visits as (

    select * from {{ source('matomo', 'visits') }}
    where is_latest and not is_deleted

),

actions as (

    select
        visits.record_key || ':' || action.number as event_id,
        visits.load_id,
        {{ clean_text('vendor."userId"') }} as user_id,
        {{ clean_text('vendor."visitorId"') }} as device_id,
        case action.number when 1 then {{ clean_text('vendor."referrerUrl"') }} end as referrer,
        details.type as action_type,
        {{ clean_text('details."eventAction"') }} as event_action,
        {{ try_formatted_timestamp('details.timestamp', 'epoch_s') }} as occurred_at,
        {{ clean_text('details.url') }} as url,
        {{ clean_text('details."productViewSku"') }} as product_id,
        {{ clean_text("details.\"productViewCategories\" ->> 0") }} as category
    from visits
    cross join lateral jsonb_to_record({{ json_object('visits.payload') }}) as vendor (
        "userId" text, "visitorId" text, "referrerUrl" text, "actionDetails" jsonb
    )
    cross join lateral jsonb_array_elements({{ json_array('vendor."actionDetails"') }})
    with ordinality as action (payload, number)
    cross join lateral jsonb_to_record({{ json_object('action.payload') }}) as details (
        type text, timestamp text, url text, "eventAction" text, "productViewSku" text,
        "productViewCategories" jsonb
    )

),

final as (

    select
        'matomo' as source,
        coalesce('matomo:users:' || user_id, 'matomo:visitors:' || device_id) as profile_id,
        event_id,
        case action_type when 'action' then 'page_view' when 'event' then event_action else action_type end as event_name,
        occurred_at,
        url,
        {{ url_path('url') }} as path,
        referrer,
        {{ query_parameter('url', 'utm_source') }} as utm_source,
        {{ query_parameter('url', 'utm_medium') }} as utm_medium,
        {{ query_parameter('url', 'utm_campaign') }} as utm_campaign,
        product_id,
        category,
        device_id,
        user_id,
        false as is_bot,
        load_id
    from actions

)

{{ conform('web_events', 'final', absent=['user_agent']) }}

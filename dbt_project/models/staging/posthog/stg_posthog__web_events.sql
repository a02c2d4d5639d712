with events as (

    select * from {{ source('posthog', 'events') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        events.record_key as event_id,
        events.load_id,
        {{ clean_text('vendor.event') }} as event_name,
        {{ try_timestamp('vendor.timestamp') }} as occurred_at,
        {{ clean_text('vendor.distinct_id') }} as distinct_id,
        {{ clean_text('properties."$user_id"') }} as named_id,
        {{ try_boolean('properties."$is_identified"') }} as is_identified,
        {{ clean_text('properties."$device_id"') }} as device_id,
        {{ clean_text('properties."$raw_user_agent"') }} as user_agent,
        {{ clean_text('properties."$current_url"') }} as url,
        {{ clean_text('properties."$pathname"') }} as path,
        nullif({{ clean_text('properties."$referrer"') }}, '$direct') as referrer,
        {{ clean_text('properties.utm_source') }} as utm_source,
        {{ clean_text('properties.utm_medium') }} as utm_medium,
        {{ clean_text('properties.utm_campaign') }} as utm_campaign,
        {{ clean_text('properties.product_id') }} as product_id,
        {{ clean_text('properties.category') }} as category
    from events
    cross join lateral jsonb_to_record({{ json_object('events.payload') }}) as vendor (
        event text, timestamp text, distinct_id text, properties jsonb
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.properties') }}) as properties (
        "$user_id" text, "$is_identified" text, "$device_id" text, "$raw_user_agent" text,
        "$current_url" text, "$pathname" text, "$referrer" text, utm_source text, utm_medium text,
        utm_campaign text, product_id text, category text
    )

),

final as (

    select
        'posthog' as source,
        'posthog:ids:' || distinct_id as profile_id,
        event_id,
        case event_name when '$pageview' then 'page_view' else event_name end as event_name,
        occurred_at,
        url,
        coalesce(path, {{ url_path('url') }}) as path,
        referrer,
        coalesce(utm_source, {{ query_parameter('url', 'utm_source') }}) as utm_source,
        coalesce(utm_medium, {{ query_parameter('url', 'utm_medium') }}) as utm_medium,
        coalesce(utm_campaign, {{ query_parameter('url', 'utm_campaign') }}) as utm_campaign,
        product_id,
        category,
        device_id,
        coalesce(named_id, case when is_identified then distinct_id end) as user_id,
        user_agent,
        {{ is_bot('user_agent') }} as is_bot,
        load_id
    from extracted

)

select * from final

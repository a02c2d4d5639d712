with events as (

    select * from {{ source('amplitude', 'events') }}
    where is_latest and not is_deleted

),

extracted as (

    select
        events.record_key as event_id,
        events.load_id,
        {{ clean_text('vendor.event_type') }} as event_name,
        {{ try_timestamp('vendor.event_time') }} as occurred_at,
        {{ clean_text('vendor.user_id') }} as user_id,
        {{ clean_text('vendor.device_id') }} as device_id,
        {{ clean_text('coalesce(vendor.user_agent, properties.user_agent)') }} as user_agent,
        {{ clean_text('properties.url') }} as url,
        {{ clean_text('properties.path') }} as path,
        {{ clean_text('properties.referrer') }} as referrer,
        {{ clean_text('properties.utm_source') }} as utm_source,
        {{ clean_text('properties.utm_medium') }} as utm_medium,
        {{ clean_text('properties.utm_campaign') }} as utm_campaign,
        {{ clean_text('properties.product_id') }} as product_id,
        {{ clean_text('properties.category') }} as category
    from events
    cross join lateral jsonb_to_record({{ json_object('events.payload') }}) as vendor (
        event_type text, event_time text, user_id text, device_id text, user_agent text,
        event_properties jsonb
    )
    cross join lateral jsonb_to_record({{ json_object('vendor.event_properties') }}) as properties (
        url text, path text, referrer text, utm_source text, utm_medium text, utm_campaign text,
        product_id text, category text, user_agent text
    )

),

final as (

    select
        'amplitude' as source,
        coalesce('amplitude:users:' || user_id, 'amplitude:devices:' || device_id) as profile_id,
        event_id,
        event_name,
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
        user_id,
        user_agent,
        {{ is_bot('user_agent') }} as is_bot,
        load_id
    from extracted

)

select * from final

{%- for dataset in datasets_of('web_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'event_id') }} as event_id,
    coalesce({{ file_column(dataset, 'event_name', is_derived=true) }}, 'page_view') as event_name,
    {{ file_column(dataset, 'occurred_at', 'timestamptz') }} as occurred_at,
    {{ file_column(dataset, 'url') }} as url,
    {{ url_path('coalesce(' ~ file_column(dataset, 'path') ~ ', ' ~ file_column(dataset, 'url') ~ ')') }} as path,
    {{ file_column(dataset, 'referrer') }} as referrer,
    coalesce({{ file_column(dataset, 'utm_source') }}, {{ query_parameter(file_column(dataset, 'url'), 'utm_source') }}) as utm_source,
    coalesce({{ file_column(dataset, 'utm_medium') }}, {{ query_parameter(file_column(dataset, 'url'), 'utm_medium') }}) as utm_medium,
    coalesce({{ file_column(dataset, 'utm_campaign') }}, {{ query_parameter(file_column(dataset, 'url'), 'utm_campaign') }}) as utm_campaign,
    {{ file_column(dataset, 'product_id') }} as product_id,
    {{ file_column(dataset, 'category') }} as category,
    {{ file_column(dataset, 'device_id', is_derived=true) }} as device_id,
    coalesce({{ file_column(dataset, 'user_id') }}, {{ file_column(dataset, 'customer_id') }}) as user_id,
    {{ file_column(dataset, 'user_agent') }} as user_agent,
    {{ is_bot(file_column(dataset, 'user_agent')) }} as is_bot,
    load_id
from {{ file_rows(dataset, 'event_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('web_events')) }}
{%- endfor %}

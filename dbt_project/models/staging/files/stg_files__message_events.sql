{%- for dataset in datasets_of('message_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'event_id') }} as event_id,
    {{ text_literal(dataset.namespace ~ ':') }} || {{ file_column(dataset, 'message_id') }} as message_id,
    {{ file_column(dataset, 'campaign') }} as campaign,
    coalesce({{ file_column(dataset, 'channel') }}, 'email') as channel,
    {{ file_column(dataset, 'event_type') }} as event_type,
    {{ file_column(dataset, 'occurred_at', 'timestamptz') }} as occurred_at
from {{ file_rows(dataset, 'event_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('message_events')) }}
{%- endfor %}

{%- for dataset in datasets_of('consent_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'event_id') }} as event_id,
    coalesce(lower({{ file_column(dataset, 'channel') }}), 'any') as channel,
    lower({{ file_column(dataset, 'purpose') }}) as purpose,
    {{ consent_status(file_column(dataset, 'status')) }} as status,
    {{ file_column(dataset, 'occurred_at', 'timestamptz') }} as occurred_at,
    {{ file_column(dataset, 'policy_version') }} as policy_version
from {{ file_rows(dataset, 'event_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('consent_events')) }}
{%- endfor %}

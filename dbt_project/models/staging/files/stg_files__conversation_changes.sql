{%- for dataset in datasets_of('conversation_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ text_literal(dataset.namespace ~ ':') }} || {{ file_column(dataset, 'conversation_id') }} as conversation_id,
    {{ file_object_id(dataset, 'event_id') }} as change_id,
    {{ file_column(dataset, 'status') }} as status,
    {{ file_column(dataset, 'occurred_at', 'timestamptz') }} as changed_at,
    null::numeric as place
from {{ file_rows(dataset, 'event_id') }}
where {{ file_column(dataset, 'conversation_id') }} is not null and {{ file_column(dataset, 'status') }} is not null
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('conversation_changes')) }}
{%- endfor %}

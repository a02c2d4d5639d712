{%- for dataset in datasets_of('conversation_events') %}
select
    {{ text_literal(dataset.source) }} as source,
    null::text as profile_id,
    {{ text_literal(dataset.namespace ~ ':') }} || {{ file_column(dataset, 'conversation_id') }} as conversation_id,
    {{ file_object_id(dataset, 'event_id') }} as part_id,
    {{ file_column(dataset, 'author') }} as author,
    coalesce({{ file_column(dataset, 'visibility') }}, 'public') = 'public' as is_public,
    null::text as body,
    {{ file_column(dataset, 'occurred_at', 'timestamptz') }} as created_at
from {{ file_rows(dataset, 'event_id') }}
where
    {{ file_column(dataset, 'conversation_id') }} is not null
    and ({{ file_column(dataset, 'status') }} is null or {{ file_column(dataset, 'visibility') }} is not null)
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('conversation_parts')) }}
{%- endfor %}

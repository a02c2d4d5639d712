{%- for dataset in datasets_of('conversations') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'conversation_id') }} as conversation_id,
    coalesce({{ file_column(dataset, 'channel') }}, 'unknown') as channel,
    {{ file_column(dataset, 'subject') }} as subject,
    coalesce({{ file_column(dataset, 'status', is_derived=true) }}, 'open') as status,
    {{ file_column(dataset, 'priority') }} as priority,
    {{ file_column(dataset, 'created_at', 'timestamptz') }} as created_at,
    coalesce(
        {{ file_column(dataset, 'updated_at', 'timestamptz') }},
        {{ file_column(dataset, 'created_at', 'timestamptz') }}
    ) as updated_at,
    {{ file_column(dataset, 'first_replied_at', 'timestamptz') }} as first_replied_at,
    {{ file_column(dataset, 'solved_at', 'timestamptz') }} as solved_at,
    {{ file_column(dataset, 'first_reply_minutes', 'numeric') }} as first_reply_minutes,
    {{ file_column(dataset, 'full_resolution_minutes', 'numeric') }} as full_resolution_minutes,
    {{ file_column(dataset, 'reopens', 'integer') }} as reopens,
    {{ file_column(dataset, 'replies', 'integer') }} as replies,
    {{ file_column(dataset, 'rating') }} as rating,
    {{ file_column(dataset, 'assignee_id') }} as assignee_id
from {{ file_rows(dataset, 'conversation_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('conversations')) }}
{%- endfor %}

{%- for dataset in datasets_of('survey_responses') %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'response_id') }} as response_id,
    coalesce({{ file_column(dataset, 'survey_id') }}, {{ text_literal(dataset.name) }}) as survey_id,
    coalesce({{ file_column(dataset, 'survey_name') }}, {{ text_literal(dataset.name) }}) as survey_name,
    coalesce({{ file_column(dataset, 'question_id') }}, {{ file_column(dataset, 'metric') }}, 'score') as question_id,
    lower({{ file_column(dataset, 'metric') }}) as metric,
    coalesce(
        {{ file_column(dataset, 'scale') }},
        case lower({{ file_column(dataset, 'metric') }}) when 'nps' then '0-10' when 'csat' then '1-5' when 'ces' then '1-7' end
    ) as scale,
    {{ file_column(dataset, 'score', 'numeric') }} as score,
    {{ file_column(dataset, 'comment') }} as comment,
    {{ file_column(dataset, 'conversation_id') }} as conversation_id,
    {{ file_column(dataset, 'responded_at', 'timestamptz') }} as responded_at
from {{ file_rows(dataset, 'response_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('survey_responses')) }}
{%- endfor %}

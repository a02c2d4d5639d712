{#- A question a row where the score has a column; a question a column where rapport.yml names the
    questions below `surveys`, `files` and the dataset. -#}
{%- set parts = [] -%}
{%- for dataset in datasets_of('survey_responses') -%}
    {%- if 'score' in dataset.columns -%}
        {%- do parts.append({'dataset': dataset, 'question': none}) -%}
    {%- else -%}
        {%- for question, metric in ((var('surveys').get('files') or {}).get(dataset.name) or {}).items() -%}
            {%- do parts.append({'dataset': dataset, 'question': question, 'metric': metric}) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endfor -%}
{%- for part in parts %}
{%- set dataset = part.dataset %}
select
    {{ text_literal(dataset.source) }} as source,
    {{ file_profile_id(dataset) }} as profile_id,
    {{ file_object_id(dataset, 'response_id') }} as response_id,
    coalesce({{ file_column(dataset, 'survey_id') }}, {{ text_literal(dataset.name) }}) as survey_id,
    coalesce({{ file_column(dataset, 'survey_name') }}, {{ text_literal(dataset.name) }}) as survey_name,
    {%- if part.question is none %}
    {%- set question = 'coalesce(' ~ file_column(dataset, 'question_id') ~ ', ' ~ file_column(dataset, 'metric') ~ ", 'score')" %}
    {%- set metric = 'coalesce(lower(' ~ file_column(dataset, 'metric') ~ '), ' ~ survey_metric('files', text_literal(dataset.name), question) ~ ')' %}
    {{ question }} as question_id,
    {{ metric }} as metric,
    coalesce({{ file_column(dataset, 'scale') }}, {{ survey_scale(metric) }}) as scale,
    {{ file_column(dataset, 'score', 'numeric') }} as score,
    {%- else %}
    {{ text_literal(part.question) }} as question_id,
    {{ text_literal(part.metric) }} as metric,
    {{ survey_scale(text_literal(part.metric)) }} as scale,
    {{ survey_score(text_literal(part.metric), '(payload ->> ' ~ text_literal(part.question) ~ ')') }} as score,
    {%- endif %}
    {{ file_column(dataset, 'comment') }} as comment,
    {{ file_column(dataset, 'conversation_id') }} as conversation_id,
    {{ file_column(dataset, 'responded_at', 'timestamptz') }} as responded_at
from {{ file_rows(dataset, 'response_id') }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('survey_responses')) }}
{%- endfor %}

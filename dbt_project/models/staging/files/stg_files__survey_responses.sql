{#- A question a row where the score has a column; a question a column where rapport.yml names the
    questions below `surveys`, the source and the dataset. -#}
{%- set parts = [] -%}
{%- for dataset in datasets_of('survey_responses') -%}
    {%- if 'score' in dataset.columns -%}
        {%- do parts.append({'dataset': dataset, 'question': none}) -%}
    {%- else -%}
        {%- for question, metric in dataset.questions.items() -%}
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
    {%- set metric = file_column(dataset, 'metric', is_derived=true) %}
    coalesce({{ file_column(dataset, 'question_id') }}, {{ metric }}, 'score') as question_id,
    {{ metric }} as metric,
    coalesce({{ file_column(dataset, 'scale') }}, {{ survey_scale(metric) }}) as scale,
    {{ file_column(dataset, 'score', 'numeric') }} as score,
    {%- else %}
    {{ text_literal(part.question) }} as question_id,
    {{ text_literal(part.metric) }} as metric,
    {{ survey_scale(text_literal(part.metric)) }} as scale,
    (payload -> '_read' -> 'answers' ->> {{ text_literal(part.question) }})::numeric as score,
    {%- endif %}
    {{ file_column(dataset, 'comment') }} as comment,
    {{ file_column(dataset, 'conversation_id') }} as conversation_id,
    {{ file_column(dataset, 'responded_at', 'timestamptz') }} as responded_at
{%- set answer = file_object_id(dataset, 'response_id') ~ " || coalesce(':' || " ~ file_column(dataset, 'question_id') ~ ", '')" %}
from {{ file_rows(dataset, 'response_id', answer) }}
{{ 'union all' if not loop.last }}
{%- else %}
{{ empty_relation(canonical_columns('survey_responses')) }}
{%- endfor %}

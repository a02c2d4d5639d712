{# The metric of a question: as declared in rapport.yml under `surveys`, by source, else nps, csat or
   ces if the question's id begins with it. #}
{% macro survey_metric(tool, survey_id, question_id) -%}
    coalesce(
        {%- for survey, questions in (var('surveys').get(tool) or {}).items() %}
        {%- for question, metric in questions.items() %}
        case
            when {{ survey_id }} = {{ text_literal(survey) }} and {{ question_id }} = {{ text_literal(question) }}
                then {{ text_literal(metric) }}
        end,
        {%- endfor %}
        {%- endfor %}
        lower(substring({{ question_id }} from '(?i)^(nps|csat|ces)'))
    )
{%- endmacro %}

{% macro survey_scale(metric) -%}
    case {{ metric }} when 'nps' then '0-10' when 'csat' then '1-5' when 'ces' then '1-7' end
{%- endmacro %}

{# The number at the start of an answer ("9", "10 - very likely"); NULL if it is not on the scale. #}
{% macro survey_score(metric, text) -%}
    case
        when {{ metric }} = 'nps' and {{ leading_number(text) }} between 0 and 10 then {{ leading_number(text) }}
        when {{ metric }} = 'csat' and {{ leading_number(text) }} between 1 and 5 then {{ leading_number(text) }}
        when {{ metric }} = 'ces' and {{ leading_number(text) }} between 1 and 7 then {{ leading_number(text) }}
    end
{%- endmacro %}

{% macro leading_number(text) -%}
    substring({{ text }} from '^\s*(\d{1,3})(?![\d.,]*\d)')::numeric
{%- endmacro %}

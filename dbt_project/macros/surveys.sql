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

{# The number that begins an answer ("9", "8,5", "10 - very likely") or ends it ("Very likely - 10"). A number
   off the scale stays: the union of all responses counts it and leaves it out. #}
{% macro survey_score(metric, text) -%}
    case
        when {{ metric }} in ('nps', 'csat', 'ces')
            then coalesce({{ leading_number(text) }}, {{ trailing_number(text) }})
    end
{%- endmacro %}

{% macro leading_number(text) -%}
    replace(substring({{ text }} from '^\s*([+-]?\d{1,3}([.,]\d{1,4})?)(?![\d.,]*\d)'), ',', '.')::numeric
{%- endmacro %}

{% macro trailing_number(text) -%}
    replace(substring({{ text }} from '^\D*[-–—:(=]\s*(\d{1,3}([.,]\d{1,4})?)\s*\)?\s*$'), ',', '.')::numeric
{%- endmacro %}

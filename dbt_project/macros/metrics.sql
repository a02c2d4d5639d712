{# Reports count rows with a time between 1990 and as_of, so that a mistyped year adds no period. #}
{% macro is_reportable(column) -%}
    {{ column }} >= timestamptz '1990-01-01T00:00:00Z' and {{ column }} <= {{ as_of() }}
{%- endmacro %}

{% macro share(part, whole, digits=6) -%}
    round(({{ part }})::numeric / nullif({{ whole }}, 0), {{ digits }})
{%- endmacro %}

{% macro nps(promoters, detractors, responses) -%}
    round(100 * ({{ promoters }} - {{ detractors }})::numeric / nullif({{ responses }}, 0), 2)
{%- endmacro %}

{# The 95 % margin of an NPS by the normal approximation, with answers valued +1, 0 or -1. NULL for
   a single answer. #}
{% macro nps_margin(promoters, detractors, responses) -%}
    case
        when {{ responses }} > 1
            then round((
                196 * sqrt(greatest(
                    ({{ promoters }} + {{ detractors }})::numeric / {{ responses }}
                    - power(({{ promoters }} - {{ detractors }})::numeric / {{ responses }}, 2), 0
                ) / {{ responses }})
            )::numeric, 2)
    end
{%- endmacro %}

{% macro percentile(fraction, column) -%}
    round((percentile_cont({{ fraction }}) within group (order by {{ column }}))::numeric, 2)
{%- endmacro %}

{# Every local day from the first day in a relation to as_of; no rows if the relation is empty. #}
{% macro days_since_first(relation, column) -%}
    select day::date as {{ column }}
    from (select min({{ column }}) as first_day from {{ relation }}) as first_days
    cross join lateral generate_series(first_day::timestamp, {{ local_date(as_of()) }}::timestamp, interval '1 day') as day
{%- endmacro %}

{# The group of a score. NPS: promoter 9-10, passive 7-8, detractor 0-6. CSAT: satisfied 4-5 or good.
   CES: easy 5-7, hard 1-3. #}
{% macro score_group(scale, score) -%}
    case {{ scale }}
        when '0-10' then case when {{ score }} >= 9 then 'promoter' when {{ score }} >= 7 then 'passive' when {{ score }} >= 0 then 'detractor' end
        when '1-5' then case when {{ score }} >= 4 then 'satisfied' when {{ score }} >= 3 then 'neutral' when {{ score }} >= 1 then 'dissatisfied' end
        when 'good_bad' then case when {{ score }} >= 1 then 'satisfied' when {{ score }} >= 0 then 'dissatisfied' end
        when '1-7' then case when {{ score }} >= 5 then 'easy' when {{ score }} > 3 then 'neutral' when {{ score }} >= 1 then 'hard' end
    end
{%- endmacro %}

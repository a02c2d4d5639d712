{# The time of the run. It is read from the environment while a model runs, because a changed dbt
   variable would make dbt parse the whole project again. A unit test overrides the variable. #}
{% macro as_of() -%}
    {%- set moment = var('as_of') or (env_var('RAPPORT_AS_OF', '') if execute) -%}
    {%- if execute and not moment -%}
        {{ exceptions.raise_compiler_error("as_of is not set. Use `rapport dbt`, or set RAPPORT_AS_OF=2026-01-31T03:00:00Z.") }}
    {%- endif -%}
    timestamptz '{{ moment or '1970-01-01T00:00:00Z' }}'
{%- endmacro %}

{% macro company_time_zone() -%}
    '{{ var('company').get('timezone') or 'UTC' }}'
{%- endmacro %}

{% macro local_date(column) -%}
    ({{ column }} at time zone {{ company_time_zone() }})::date
{%- endmacro %}

{% macro local_month(column) -%}
    date_trunc('month', {{ column }} at time zone {{ company_time_zone() }})::date
{%- endmacro %}

{% macro start_of_local_day(date) -%}
    (({{ date }})::timestamp at time zone {{ company_time_zone() }})
{%- endmacro %}

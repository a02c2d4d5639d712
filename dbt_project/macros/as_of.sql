{% macro as_of() -%}
    {%- if execute and not var('as_of') -%}
        {{ exceptions.raise_compiler_error("as_of is not set. Pass --vars '{as_of: 2026-01-31T03:00:00Z}'.") }}
    {%- endif -%}
    timestamptz '{{ var('as_of') or '1970-01-01T00:00:00Z' }}'
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

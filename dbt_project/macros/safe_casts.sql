{# Casts for text from outside: an invalid value becomes NULL and never raises an error. The original
   stays in the raw table. #}

{% macro clean_text(text) -%}
    nullif(btrim({{ text }}), '')
{%- endmacro %}

{% macro try_numeric(text) -%}
    case
        when pg_input_is_valid({{ text }}, 'numeric')
            then case when abs(({{ text }})::numeric) < 1e18 then ({{ text }})::numeric end
    end
{%- endmacro %}

{# A number of minutes that can be added to a time: not negative, and less than twenty years. #}
{% macro minutes(text) -%}
    case when {{ try_numeric(text) }} between 0 and 1e7 then {{ try_numeric(text) }} end
{%- endmacro %}

{% macro try_integer(text) -%}
    case when pg_input_is_valid({{ text }}, 'integer') then ({{ text }})::integer end
{%- endmacro %}

{% macro try_boolean(text) -%}
    case
        when lower({{ text }}) in ('true', 't', 'yes', 'y', '1') then true
        when lower({{ text }}) in ('false', 'f', 'no', 'n', '0') then false
    end
{%- endmacro %}

{# The time, or the nearest one that programs can read in every time zone: Python's years are 1 to 9999. The
   time must not be NULL, because least and greatest leave NULL out. #}
{% macro bounded_time(moment) -%}
    least(greatest({{ moment }}, timestamptz '0001-01-02 00:00:00+00'), timestamptz '9999-12-30 00:00:00+00')
{%- endmacro %}

{# Accepts ISO 8601 only. A date must begin with its year, because 03/04/2026 is ambiguous. A zone
   must be Z or an offset, because names of zones are ambiguous. Without a zone, it is UTC. #}
{% macro try_timestamp(text) -%}
    case
        when {{ text }} is null or {{ text }} !~ '^\s*\d{4}-?\d{2}-?\d{2}([Tt ]\d{2}:?\d{2}(:?\d{2}([.]\d+)?)?\s*([Zz]|[+-]\d{2}(:?\d{2})?)?)?\s*$' then null
        when not pg_input_is_valid({{ text }}, 'timestamptz') then null
        when {{ text }} ~ '([Tt ]\d.*[+-]\d{2}|[Zz]\s*$)' then {{ bounded_time('(' ~ text ~ ')::timestamptz') }}
        else {{ bounded_time('(' ~ text ~ ")::timestamp at time zone 'UTC'") }}
    end
{%- endmacro %}

{# A day as YYYY-MM-DD, as it is written, also before a midnight of any zone: no time zone moves a birth date.
   A day that does not exist or is before 1880 becomes NULL. The union takes out days in the future, because
   staging knows no time of a run. #}
{% macro try_birth_date(text) -%}
    {%- set day = 'left(btrim(' ~ text ~ '), 10)' -%}
    case
        when {{ text }} !~ '^\s*\d{4}-\d{2}-\d{2}([Tt ]00:00(:00([.]0+)?)?([Zz]|[+-]\d{2}:?\d{2})?)?\s*$' then null
        when not pg_input_is_valid({{ day }}, 'date') then null
        when {{ day }}::date >= date '1880-01-01' then {{ day }}::date
    end
{%- endmacro %}

{# A time in seconds or milliseconds since 1970 (epoch_s, epoch_ms). #}
{% macro try_formatted_timestamp(text, format) -%}
    case
        when {{ text }} ~ '^\d{1,{{ 14 if format == 'epoch_ms' else 11 }}}([.]\d+)?$'
            then to_timestamp(({{ text }})::double precision{{ ' / 1000' if format == 'epoch_ms' }})
    end
{%- endmacro %}

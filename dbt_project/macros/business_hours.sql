{# The minutes that a schedule was open from its first opening to a moment. Each opening stores the
   minutes before it, so the time between two moments is a single difference. #}
{% macro open_minutes_until(schedule, moment) -%}
    (
        select
            openings.minutes_before
            + extract(epoch from least({{ moment }}, openings.closes_at) - openings.opens_at) / 60
        from {{ ref('int_support_openings') }} as openings
        where openings.schedule = {{ schedule }} and openings.opens_at <= {{ moment }}
        order by openings.opens_at desc
        limit 1
    )
{%- endmacro %}

{% macro business_minutes(schedule, begin, finish) -%}
    case
        when {{ finish }} >= {{ begin }}
            then round(
                coalesce({{ open_minutes_until(schedule, finish) }}, 0)
                - coalesce({{ open_minutes_until(schedule, begin) }}, 0), 2
            )
    end
{%- endmacro %}

{# Whether a target time was missed: by the time taken, or else by the waiting time so far. NULL if
   the target can still be met, or if there is no target. #}
{% macro is_late(taken, waiting, target) -%}
    case
        when ({{ taken }}) is not null then ({{ taken }}) > {{ target }}
        when {{ waiting }} > {{ target }} then true
    end
{%- endmacro %}

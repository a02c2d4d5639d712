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
        when {{ finish }} >= {{ begin }} - interval '5 minutes' then 0
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

{# The time some minutes after another; NULL if the minutes are not those of a wait. #}
{% macro minutes_after(moment, minutes) -%}
    case
        when {{ moment }} is not null and {{ minutes }} between 0 and 1e7
            then {{ bounded_time(moment ~ ' + make_interval(secs => (' ~ minutes ~ ' * 60)::double precision)') }}
    end
{%- endmacro %}

{# The calendar minutes between two times. Clocks differ, so a time up to five minutes before the first is the
   same moment: 0. Any earlier one is a mistake: NULL. #}
{% macro minutes_between(begin, finish) -%}
    case
        when {{ finish }} >= {{ begin }} then round(extract(epoch from {{ finish }} - {{ begin }}) / 60, 2)
        when {{ finish }} >= {{ begin }} - interval '5 minutes' then 0
    end
{%- endmacro %}

{# The channel of a conversation in lower case, and one word for e-mail, chat and phone. #}
{% macro conversation_channel(channel) -%}
    case
        when lower({{ channel }}) ~ '^(e[ _-]?)?mail$' then 'email'
        when lower({{ channel }}) ~ '^(live|web)?[ _-]?chat$' then 'chat'
        when lower({{ channel }}) ~ '^(tele)?phone([ _-]?call)?$' then 'phone'
        else lower({{ channel }})
    end
{%- endmacro %}

{# Whether a time is not in the future. A load ends some minutes after the time of its run, so the hour after the
   run is still today. #}
{% macro has_happened(moment) -%}
    {{ moment }} <= {{ as_of() }} + interval '1 hour'
{%- endmacro %}

{# CTEs that mart_nps_daily, mart_csat_daily and mart_ces_daily share: answers by day, and of the
   90 days up to each day. The last CTE is `rolling`. `groups` maps a column to the score group that
   it counts. Scales are never mixed, and answers on a scale that the metric does not know are left
   out. #}
{% macro daily_scores(metric, scales, groups) -%}
    responses as (

        select {{ local_date('responded_at') }} as response_date, scale, score, score_group
        from {{ ref('fct_survey_responses') }}
        where {{ is_asked(metric, scales) }} and score_group is not null and {{ is_reportable('responded_at') }}

    ),

    invitations as (

        select {{ local_date('invited_at') }} as response_date, scale, is_answered
        from {{ ref('int_survey_invitations_unioned') }}
        where {{ is_asked(metric, scales) }} and {{ is_reportable('invited_at') }}

    ),

    days as (

        {{ days_since_first('responses', 'response_date') }}

    ),

    scales as (

        select distinct scale from responses

    ),

    answered as (

        select
            response_date,
            scale,
            count(*) as responses,
            sum(score) as total_score,
            {%- for column, group in groups.items() %}
            count(*) filter (where score_group = '{{ group }}') as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from responses
        group by response_date, scale

    ),

    invited as (

        select
            response_date,
            scale,
            count(*) as invited,
            count(*) filter (where is_answered) as invited_who_answered
        from invitations
        group by response_date, scale

    ),

    by_day as (

        select
            days.response_date,
            scales.scale,
            coalesce(answered.responses, 0)::integer as responses,
            answered.total_score,
            {%- for column in groups %}
            coalesce(answered.{{ column }}, 0)::integer as {{ column }},
            {%- endfor %}
            invited.invited::integer as invited,
            {{ share('invited.invited_who_answered', 'invited.invited') }} as response_rate
        from days
        cross join scales
        left join answered on days.response_date = answered.response_date and scales.scale = answered.scale
        left join invited on days.response_date = invited.response_date and scales.scale = invited.scale

    ),

    rolling as (

        select
            *,
            (sum(responses) over last_90_days)::integer as responses_90d,
            sum(total_score) over last_90_days as total_score_90d
            {%- for column in groups %},
            (sum({{ column }}) over last_90_days)::integer as {{ column }}_90d
            {%- endfor %}
        from by_day
        window last_90_days as (partition by scale order by response_date rows between 89 preceding and current row)

    )
{%- endmacro %}

{% macro is_asked(metric, scales) -%}
    metric = '{{ metric }}' and scale in ({% for scale in scales %}'{{ scale }}'{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# The score, or NULL if it is not on its scale. A scale names its ends, such as 1-5; good_bad is 0 or 1. #}
{% macro score_on_scale(scale, score) -%}
    case
        when {{ scale }} = 'good_bad' then case when {{ score }} between 0 and 1 then {{ score }} end
        when {{ scale }} ~ '^[0-9]{1,2}-[0-9]{1,2}$'
            then case
                when
                    {{ score }} between split_part({{ scale }}, '-', 1)::numeric
                    and split_part({{ scale }}, '-', 2)::numeric
                    then {{ score }}
            end
        else {{ score }}
    end
{%- endmacro %}

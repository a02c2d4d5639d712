with responses as (

    select {{ local_date('responded_at') }} as response_date, scale, score, score_group
    from {{ ref('fct_survey_responses') }}
    where metric = 'csat' and score_group is not null and {{ is_reportable('responded_at') }}

),

days as (

    {{ days_since_first('responses', 'response_date') }}

),

scales as (

    select distinct scale from responses

),

by_day as (

    select
        days.response_date,
        scales.scale,
        count(responses.score_group)::integer as responses,
        (count(*) filter (where responses.score_group = 'satisfied'))::integer as satisfied,
        (count(*) filter (where responses.score_group = 'dissatisfied'))::integer as dissatisfied,
        round(avg(responses.score) filter (where scales.scale = '1-5'), 4) as average_score
    from days
    cross join scales
    left join responses on days.response_date = responses.response_date and scales.scale = responses.scale
    group by days.response_date, scales.scale

),

rolling as (

    select
        *,
        (sum(responses) over last_90_days)::integer as responses_90d,
        sum(satisfied) over last_90_days as satisfied_90d
    from by_day
    window last_90_days as (partition by scale order by response_date rows between 89 preceding and current row)

),

final as (

    select
        response_date,
        scale,
        responses,
        satisfied,
        dissatisfied,
        {{ share('100 * satisfied', 'responses', 2) }} as csat,
        average_score,
        responses_90d,
        {{ share('100 * satisfied_90d', 'responses_90d', 2) }} as csat_90d
    from rolling

)

select * from final

with responses as (

    select {{ local_date('responded_at') }} as response_date, score_group
    from {{ ref('fct_survey_responses') }}
    where metric = 'nps' and score_group is not null and {{ is_reportable('responded_at') }}

),

days as (

    {{ days_since_first('responses', 'response_date') }}

),

by_day as (

    select
        days.response_date,
        count(responses.score_group)::integer as responses,
        (count(*) filter (where responses.score_group = 'promoter'))::integer as promoters,
        (count(*) filter (where responses.score_group = 'passive'))::integer as passives,
        (count(*) filter (where responses.score_group = 'detractor'))::integer as detractors
    from days
    left join responses on days.response_date = responses.response_date
    group by days.response_date

),

rolling as (

    select
        *,
        (sum(responses) over last_90_days)::integer as responses_90d,
        (sum(promoters) over last_90_days)::integer as promoters_90d,
        (sum(detractors) over last_90_days)::integer as detractors_90d
    from by_day
    window last_90_days as (order by response_date rows between 89 preceding and current row)

),

final as (

    select
        response_date,
        responses,
        promoters,
        passives,
        detractors,
        {{ nps('promoters', 'detractors', 'responses') }} as nps,
        {{ nps_margin('promoters', 'detractors', 'responses') }} as margin_of_error,
        responses_90d,
        {{ nps('promoters_90d', 'detractors_90d', 'responses_90d') }} as nps_90d,
        {{ nps_margin('promoters_90d', 'detractors_90d', 'responses_90d') }} as margin_of_error_90d
    from rolling

)

select * from final

with responses as (

    select {{ local_date('responded_at') }} as response_date, score, score_group
    from {{ ref('fct_survey_responses') }}
    where metric = 'ces' and score_group is not null and {{ is_reportable('responded_at') }}

),

days as (

    {{ days_since_first('responses', 'response_date') }}

),

by_day as (

    select
        days.response_date,
        count(responses.score_group)::integer as responses,
        (count(*) filter (where responses.score_group = 'easy'))::integer as easy,
        (count(*) filter (where responses.score_group = 'hard'))::integer as hard,
        sum(responses.score) as total_score
    from days
    left join responses on days.response_date = responses.response_date
    group by days.response_date

),

rolling as (

    select
        *,
        (sum(responses) over last_90_days)::integer as responses_90d,
        sum(total_score) over last_90_days as total_score_90d
    from by_day
    window last_90_days as (order by response_date rows between 89 preceding and current row)

),

final as (

    select
        response_date,
        responses,
        easy,
        hard,
        {{ share('total_score', 'responses', 4) }} as ces,
        {{ share('easy', 'responses') }} as easy_share,
        responses_90d,
        {{ share('total_score_90d', 'responses_90d', 4) }} as ces_90d
    from rolling

)

select * from final

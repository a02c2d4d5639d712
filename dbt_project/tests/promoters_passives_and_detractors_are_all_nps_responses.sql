with answered as (

    select count(*) as responses
    from {{ ref('fct_survey_responses') }}
    where metric = 'nps' and scale = '0-10' and score is not null and {{ is_reportable('responded_at') }}

),

reported as (

    select
        coalesce(sum(responses), 0) as responses,
        coalesce(sum(promoters + passives + detractors), 0) as grouped
    from {{ ref('mart_nps_daily') }}

)

select *
from answered
cross join reported
where answered.responses <> reported.responses or reported.responses <> reported.grouped

with {{ daily_scores('csat', ['1-5', 'good_bad'], {'satisfied': 'satisfied', 'dissatisfied': 'dissatisfied'}) }},

final as (

    select
        response_date,
        scale,
        responses,
        satisfied,
        dissatisfied,
        {{ share('100 * satisfied', 'responses', 2) }} as csat,
        case scale when '1-5' then {{ share('total_score', 'responses', 4) }} end as average_score,
        responses_90d,
        {{ share('100 * satisfied_90d', 'responses_90d', 2) }} as csat_90d,
        invited,
        response_rate
    from rolling

)

select * from final

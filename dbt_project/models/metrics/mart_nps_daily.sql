with {{ daily_scores('nps', ['0-10'], {'promoters': 'promoter', 'passives': 'passive', 'detractors': 'detractor'}) }},

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
        {{ nps_margin('promoters_90d', 'detractors_90d', 'responses_90d') }} as margin_of_error_90d,
        invited,
        response_rate
    from rolling

)

select * from final

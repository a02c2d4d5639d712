with {{ daily_scores('ces', ['1-7'], {'easy': 'easy', 'hard': 'hard'}) }},

final as (

    select
        response_date,
        responses,
        easy,
        hard,
        {{ share('total_score', 'responses', 4) }} as ces,
        {{ share('easy', 'responses') }} as easy_share,
        responses_90d,
        {{ share('total_score_90d', 'responses_90d', 4) }} as ces_90d,
        invited,
        response_rate
    from rolling

)

select * from final

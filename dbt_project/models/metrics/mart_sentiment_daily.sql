with comments as (

    select {{ local_date('said_at') }} as comment_date, kind, text_hash
    from {{ ref('int_comments_unioned') }}
    where {{ is_reportable('said_at') }}

),

judgements as (

    select * from {{ source('comments', 'judgements') }}

),

final as (

    select
        comments.comment_date,
        comments.kind,
        coalesce(judgements.language, 'unknown') as language,
        count(*)::integer as comments,
        (count(*) filter (where judgements.sentiment = 'positive'))::integer as positive,
        (count(*) filter (where judgements.sentiment = 'neutral'))::integer as neutral,
        (count(*) filter (where judgements.sentiment = 'negative'))::integer as negative,
        (count(*) filter (where judgements.sentiment is null))::integer as abstained,
        round(avg(judgements.compound)::numeric, 4) as average_sentiment,
        (count(*) filter (where judgements.is_idea))::integer as ideas
    from comments
    left join judgements on comments.text_hash = judgements.text_hash
    group by comments.comment_date, comments.kind, coalesce(judgements.language, 'unknown')

)

select * from final

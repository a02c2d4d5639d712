with conditions as (
    select distinct on (customer_id)
        customer_id,
        score,
        responded_at,
        score_group = 'promoter' as is_promoter,
        responded_at > {{ as_of() }} - interval '30 days' as is_recent
    from {{ ref('fct_survey_responses') }}
    where metric = 'nps' and score is not null and responded_at <= {{ as_of() }}
        and customer_id is not null
    order by customer_id, responded_at desc, response_id
)

select customer_id, floor(score)::integer as score, responded_at
from conditions
where is_promoter and is_recent

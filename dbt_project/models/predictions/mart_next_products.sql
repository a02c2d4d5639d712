with scores as (

    select * from {{ source('predictions', 'product_scores') }}

),

standings as (

    select * from {{ source('predictions', 'standings') }}
    where model = 'next_product'

),

names as (

    select distinct on (product_id) product_id, product_name
    from {{ ref('fct_orders') }}
    where product_id is not null and product_name is not null
    order by product_id, ordered_at desc nulls last, source, order_id

),

final as (

    select
        scores.customer_id,
        scores.product_id,
        names.product_name,
        scores.rank::integer as rank,
        round(scores.score::numeric, 4) as score,
        'Bought by people with an interest in '
        || coalesce(because.product_name, scores.because_product_id) as reason,
        scores.because_product_id,
        standings.abstained_reason is not null as is_abstained,
        standings.abstained_reason,
        standings.model_version,
        standings.fitted_at,
        standings.is_stale
    from scores
    cross join standings
    left join names on scores.product_id = names.product_id
    left join names as because on scores.because_product_id = because.product_id

)

select * from final

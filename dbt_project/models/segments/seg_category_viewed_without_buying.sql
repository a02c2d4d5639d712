with interest as (
    select distinct on (customer_id)
        customer_id,
        category,
        sum(views)::integer as category_views,
        max(last_viewed_at) as last_viewed_at,
        bool_or(is_bought) as has_bought
    from {{ ref('fct_product_interest') }}
    where category is not null and last_viewed_at <= {{ as_of() }}
    group by customer_id, category
    order by customer_id, last_viewed_at desc, category
),

conditions as (
    select
        interest.*,
        category_views >= 3 as has_looked_often,
        last_viewed_at > {{ as_of() }} - interval '14 days' as is_recent,
        not has_bought as is_not_bought
    from interest
)

select customer_id, category, category_views, last_viewed_at
from conditions
where has_looked_often and is_recent and is_not_bought

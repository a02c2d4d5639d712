with conditions as (
    select
        suggested.customer_id,
        suggested.product_id,
        suggested.product_name,
        suggested.reason,
        suggested.rank = 1 as is_best,
        not suggested.is_abstained and not suggested.is_stale as is_predicted,
        customers.last_ordered_at > {{ as_of() }} - interval '180 days' as has_bought_lately
    from {{ ref('mart_next_products') }} as suggested
    inner join {{ ref('dim_customers') }} as customers on suggested.customer_id = customers.customer_id
)

select customer_id, product_id, product_name, reason
from conditions
where is_best and is_predicted and has_bought_lately

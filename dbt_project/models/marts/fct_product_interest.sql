with views as (

    select * from {{ ref('int_product_views_counted') }}

),

members as (

    select * from {{ source('identity', 'members') }}

),

customer_views as (

    select
        members.customer_id,
        views.product_id,
        (array_agg(views.category order by views.last_viewed_at desc, views.profile_id) filter (
            where views.category is not null
        ))[1] as category,
        max(views.last_viewed_at) as last_viewed_at,
        sum(views.views)::integer as views,
        sum(views.cart_adds)::integer as cart_adds
    from views
    inner join members on views.profile_id = members.profile_id
    group by members.customer_id, views.product_id

),

bought as (

    select customer_id, product_id, max(ordered_at) as last_bought_at
    from {{ ref('fct_orders') }}
    where status <> 'cancelled' and (amount < 0) is not true and {{ is_reportable('ordered_at') }}
    group by customer_id, product_id

),

final as (

    select
        customer_views.customer_id,
        customer_views.product_id,
        customer_views.category,
        customer_views.last_viewed_at,
        customer_views.views,
        customer_views.cart_adds,
        bought.last_bought_at,
        coalesce(bought.last_bought_at >= customer_views.last_viewed_at - interval '30 days', false) as is_bought
    from customer_views
    left join bought
        on customer_views.customer_id = bought.customer_id
        and customer_views.product_id = bought.product_id

)

select * from final

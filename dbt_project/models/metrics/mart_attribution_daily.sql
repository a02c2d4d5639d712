with orders as (

    select * from {{ ref('fct_orders') }}
    where is_purchase and {{ is_reportable('ordered_at') }}

),

visits as (

    select
        *,
        row_number() over (partition by customer_id order by started_at, session_id) as visit_number
    from {{ ref('fct_web_sessions') }}
    where channel <> 'direct' and customer_id is not null

),

moments as (

    select customer_id, source, order_id, ordered_at as happened_at, false as is_visit
    from orders
    union all
    select customer_id, null, null, started_at, true
    from visits

),

-- The number of the last visit up to each moment, and of the last one that is too old to count.
counted as (

    select
        *,
        count(*) filter (where is_visit) over (partition by customer_id order by happened_at) as last_visit,
        count(*) filter (where is_visit) over (
            partition by customer_id
            order by happened_at
            range between unbounded preceding and interval '{{ var("attribution_days") }} days' preceding
        ) as last_visit_before
    from moments

),

touched as (

    select
        counted.source,
        counted.order_id,
        touch.model,
        counted.customer_id,
        case when counted.last_visit > counted.last_visit_before then touch.visit_number end as visit_number
    from counted
    cross join lateral (
        values ('first_touch', counted.last_visit_before + 1), ('last_touch', counted.last_visit)
    ) as touch (model, visit_number)
    where not counted.is_visit

),

credited as (

    select
        orders.order_date,
        orders.currency,
        orders.amount,
        touched.model,
        coalesce(visits.channel, 'direct') as channel,
        coalesce(visits.utm_source, '(none)') as campaign_source,
        coalesce(visits.utm_campaign, '(none)') as campaign
    from touched
    inner join orders
        on touched.source = orders.source and touched.order_id = orders.order_id
    left join visits
        on touched.customer_id = visits.customer_id and touched.visit_number = visits.visit_number

),

final as (

    select
        order_date,
        model,
        channel,
        campaign_source,
        campaign,
        currency,
        count(*)::integer as orders,
        coalesce(sum(amount), 0) as revenue
    from credited
    group by order_date, model, channel, campaign_source, campaign, currency

)

select * from final

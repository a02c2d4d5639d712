with orders as (

    select * from {{ ref('fct_orders') }}
    where is_purchase and {{ is_reportable('ordered_at') }}

),

visits as (

    select * from {{ ref('fct_web_sessions') }}
    where channel <> 'direct'

),

touched as (

    select
        orders.order_date,
        orders.currency,
        orders.amount,
        coalesce(visits.channel, 'direct') as channel,
        coalesce(visits.utm_source, '(none)') as campaign_source,
        coalesce(visits.utm_campaign, '(none)') as campaign,
        row_number() over (order_visits order by visits.started_at, visits.session_id) as place,
        row_number() over (order_visits order by visits.started_at desc, visits.session_id desc) as place_from_end
    from orders
    left join visits
        on orders.customer_id = visits.customer_id
        and visits.started_at <= orders.ordered_at
        and visits.started_at > orders.ordered_at - interval '{{ var("attribution_days") }} days'
    window order_visits as (partition by orders.source, orders.order_id)

),

credited as (

    select 'first_touch' as model, * from touched
    where place = 1
    union all
    select 'last_touch' as model, * from touched
    where place_from_end = 1

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

{%- set fields = ['country', 'city', 'language', 'company_name', 'job_title', 'lifecycle_stage'] %}

with members as (

    select * from {{ source('identity', 'members') }}

),

golden_fields as (

    select
        customer_id,
        {%- for field in fields %}
        max(value) filter (where field = '{{ field }}') as {{ field }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_customer_fields_survived') }}
    group by customer_id

),

contacts as (

    select members.customer_id, min(contacts.created_at) as created_at
    from {{ ref('int_contacts_unioned') }} as contacts
    inner join members on contacts.profile_id = members.profile_id
    group by members.customer_id

),

touchpoints as (

    select customer_id, min(occurred_at) as first_at, max(occurred_at) as last_at
    from {{ ref('fct_touchpoints') }}
    where {{ is_reportable('occurred_at') }} and kind <> 'message' and not (kind = 'order' and status = 'refunded')
    group by customer_id

),

customers as (

    select
        customer_id,
        count(*)::integer as profiles,
        array_agg(distinct split_part(profile_id, ':', 1)) as sources
    from members
    group by customer_id

),

orders_by_currency as (

    select
        customer_id,
        currency,
        (count(*) filter (where is_purchase))::integer as orders,
        sum(revenue) as revenue,
        min(ordered_at) filter (where is_purchase) as first_ordered_at,
        max(ordered_at) filter (where is_purchase) as last_ordered_at
    from {{ ref('fct_orders') }}
    where (is_purchase or revenue is not null) and {{ is_reportable('ordered_at') }}
    group by customer_id, currency

),

orders as (

    select
        customer_id,
        sum(orders)::integer as orders,
        (array_agg(currency order by orders desc, currency))[1] as currency,
        (array_agg(revenue order by orders desc, currency))[1] as revenue,
        min(first_ordered_at) as first_ordered_at,
        max(last_ordered_at) as last_ordered_at
    from orders_by_currency
    group by customer_id

),

subscriptions as (

    select distinct on (customer_id) customer_id, plan, status
    from {{ ref('fct_subscriptions') }}
    where customer_id is not null
    order by customer_id, is_active desc, started_at desc nulls last, source, subscription_id

),

custom_fields as (

    select * from {{ ref('int_custom_fields_survived') }}

),

final as (

    select
        customers.customer_id,
        golden_fields.country,
        golden_fields.city,
        golden_fields.language,
        golden_fields.company_name,
        golden_fields.job_title,
        golden_fields.lifecycle_stage,
        subscriptions.plan,
        subscriptions.status as subscription_status,
        least(contacts.created_at, touchpoints.first_at) as first_seen_at,
        touchpoints.last_at as last_seen_at,
        customers.sources,
        customers.profiles,
        coalesce(orders.orders, 0) as orders,
        orders.revenue,
        orders.currency,
        orders.first_ordered_at,
        orders.last_ordered_at,
        coalesce(custom_fields.custom_fields, '{}') as custom_fields
    from customers
    left join golden_fields on customers.customer_id = golden_fields.customer_id
    left join contacts on customers.customer_id = contacts.customer_id
    left join touchpoints on customers.customer_id = touchpoints.customer_id
    left join orders on customers.customer_id = orders.customer_id
    left join subscriptions on customers.customer_id = subscriptions.customer_id
    left join custom_fields on customers.customer_id = custom_fields.customer_id

)

select * from final

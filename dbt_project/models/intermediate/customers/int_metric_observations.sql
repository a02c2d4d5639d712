{{ config(materialized='ephemeral') }}

with {{ membership_months() }},

survey_responses as (

    select
        {{ local_date('responded_at') }} as metric_date,
        case metric when 'csat' then 'csat_' || replace(scale, '-', '_') else metric end as metric,
        'points' as unit,
        customer_id,
        source as channel,
        case score_group
            when 'promoter' then 100
            when 'satisfied' then 100
            when 'detractor' then -100
            else case metric when 'ces' then score else 0 end
        end as value
    from {{ ref('fct_survey_responses') }}
    where score_group is not null and {{ is_reportable('responded_at') }}

),

orders as (

    select
        order_date,
        'revenue',
        currency,
        customer_id,
        source,
        revenue
    from {{ ref('fct_orders') }}
    where revenue is not null and {{ is_reportable('ordered_at') }}

),

conversations as (

    select
        {{ local_date('conversations.created_at') }},
        measure.metric,
        measure.unit,
        conversations.customer_id,
        conversations.channel,
        measure.value
    from {{ ref('fct_conversations') }} as conversations
    cross join lateral (
        values
        ('first_reply', 'minutes', conversations.first_reply_minutes),
        ('full_resolution', 'minutes', conversations.full_resolution_minutes),
        ('reopened', 'percent', case when conversations.reopens > 0 then 100 else 0 end),
        ('one_touch', 'percent', case when conversations.is_one_touch then 100 when not conversations.is_one_touch then 0 end)
    ) as measure (metric, unit, value)
    where
        {{ is_reportable('conversations.created_at') }} and measure.value is not null
        and (measure.unit = 'minutes' or conversations.full_resolution_minutes is not null)

),

comments as (

    select
        {{ local_date('comments.said_at') }},
        'sentiment',
        'points',
        members.customer_id,
        comments.kind,
        round((100 * judgements.compound)::numeric, 2)
    from {{ ref('int_comments_unioned') }} as comments
    inner join {{ source('comments', 'judgements') }} as judgements on comments.text_hash = judgements.text_hash
    left join {{ source('identity', 'members') }} as members on comments.profile_id = members.profile_id
    where judgements.compound is not null and {{ is_reportable('comments.said_at') }}

),

churn as (

    select
        month,
        'churn_' || basis,
        'percent',
        customer_id,
        null,
        case when was_at_end then 0 else 100 end
    from members
    where was_at_start and is_complete and is_known and is_counted

),

final as (

    select * from survey_responses
    union all
    select * from orders
    union all
    select * from conversations
    union all
    select * from comments
    union all
    select * from churn

)

select * from final
where metric_date > {{ local_date(as_of()) }} - {{ var('sliced_days') }}

with orders as (

    select
        customer_id,
        'order:' || source || ':' || order_id as touchpoint_id,
        'order' as kind,
        'shop' as channel,
        source,
        ordered_at as occurred_at,
        coalesce(product_name, product_id, 'Order') as title,
        case when is_refund then 'refunded' else status end as status
    from {{ ref('fct_orders') }}

),

payments as (

    select
        customer_id,
        'payment:' || source || ':' || payment_id,
        'payment',
        'billing',
        source,
        attempted_at,
        concat_ws(' ', 'Payment', amount, currency),
        status
    from {{ ref('fct_payments') }}

),

subscriptions_started as (

    select
        customer_id,
        'subscription_started:' || source || ':' || subscription_id,
        'subscription_started',
        'billing',
        source,
        started_at,
        concat_ws(' ', 'Subscribed to', plan),
        status
    from {{ ref('fct_subscriptions') }}

),

subscriptions_cancelled as (

    select
        customer_id,
        'subscription_cancelled:' || source || ':' || subscription_id,
        'subscription_cancelled',
        'billing',
        source,
        ended_at,
        concat_ws(' ', 'Cancelled', plan),
        status
    from {{ ref('fct_subscriptions') }}
    where ended_at is not null

),

conversations as (

    select
        customer_id,
        'conversation:' || source || ':' || conversation_id,
        'conversation',
        channel,
        source,
        created_at,
        concat_ws(' ', 'Conversation', conversation_id),
        status
    from {{ ref('fct_conversations') }}

),

survey_responses as (

    select
        customer_id,
        'survey_response:' || source || ':' || response_id || ':' || question_id,
        'survey_response',
        'survey',
        source,
        responded_at,
        concat_ws(' ', upper(metric), trim_scale(score)),
        score_group
    from {{ ref('fct_survey_responses') }}

),

web_sessions as (

    select
        customer_id,
        'web_session:' || source || ':' || session_id,
        'web_session',
        'web',
        source,
        started_at,
        concat_ws(' ', page_views, case when page_views = 1 then 'page from' else 'pages from' end, coalesce(landing_path, '/')),
        case when purchases > 0 then 'purchased' when cart_adds > 0 then 'cart' else 'visited' end
    from {{ ref('fct_web_sessions') }}

),

consents as (

    select
        members.customer_id,
        'consent:' || events.source || ':' || events.event_id,
        'consent',
        events.channel,
        events.source,
        events.occurred_at,
        concat_ws(' ', 'Consent for', events.purpose),
        events.status
    from {{ ref('int_consent_events_unioned') }} as events
    inner join {{ source('identity', 'members') }} as members on events.profile_id = members.profile_id

),

messages as (

    select
        members.customer_id,
        'message:' || events.source || ':' || events.event_id,
        'message',
        events.channel,
        events.source,
        events.occurred_at,
        coalesce(events.campaign, 'Message'),
        events.event_type
    from {{ ref('int_message_events_unioned') }} as events
    inner join {{ source('identity', 'members') }} as members on events.profile_id = members.profile_id

),

everything as (

    select * from orders
    union all
    select * from payments
    union all
    select * from subscriptions_started
    union all
    select * from subscriptions_cancelled
    union all
    select * from conversations
    union all
    select * from survey_responses
    union all
    select * from web_sessions
    union all
    select * from consents
    union all
    select * from messages

),

final as (

    select * from everything
    where customer_id is not null and occurred_at is not null

)

select * from final

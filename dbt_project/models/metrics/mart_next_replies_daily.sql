with messages as (

    select
        *,
        lag(author) over conversation as author_before,
        min(created_at) filter (where author = 'agent') over (
            partition by source, conversation_id
            order by created_at desc, part_id desc
            rows between unbounded preceding and 1 preceding
        ) as answered_at
    from {{ ref('int_conversation_parts_unioned') }}
    where is_public and author in ('customer', 'agent') and {{ is_reportable('created_at') }}
    window conversation as (partition by source, conversation_id order by created_at, part_id)

),

conversations as (

    select * from {{ ref('fct_conversations') }}

),

waits as (

    select
        {{ local_date('messages.created_at') }} as metric_date,
        messages.answered_at,
        conversations.is_open,
        extract(epoch from messages.answered_at - messages.created_at) / 60 as minutes,
        {{ business_minutes('conversations.schedule', 'messages.created_at', 'messages.answered_at') }}
            as business_minutes
    from messages
    inner join conversations
        on messages.source = conversations.source and messages.conversation_id = conversations.conversation_id
    where messages.author = 'customer' and messages.author_before = 'agent'

),

final as (

    select
        metric_date,
        count(*)::integer as follow_ups,
        count(answered_at)::integer as answered,
        (count(*) filter (where answered_at is null and is_open))::integer as waiting,
        {{ percentile(0.5, 'minutes') }} as next_reply_minutes_median,
        {{ percentile(0.9, 'minutes') }} as next_reply_minutes_p90,
        {{ percentile(0.5, 'business_minutes') }} as next_reply_business_minutes_median
    from waits
    group by metric_date

)

select * from final
